"""The SOAP API as far as REST has no counterpart: conversion, merge, and the recycle bin."""

"""SOQL, the query language: tokens -> tree -> a plan over the indexes -> rows."""

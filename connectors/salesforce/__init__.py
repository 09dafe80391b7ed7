"""Salesforce: Leads, Contacts and what belongs to them in one org."""

"""The Salesforce sandbox against what Salesforce documents, asked over HTTP."""

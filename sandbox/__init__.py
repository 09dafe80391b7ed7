"""HubSpot and Salesforce over HTTP on this machine, for a first run and for tests; they act as vendors do."""

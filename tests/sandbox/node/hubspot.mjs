// HubSpot's own client for Node against the sandbox.

import { Client } from "@hubspot/api-client";

import { runAll, url } from "./harness.mjs";

import "./hubspot-records.mjs";
import "./hubspot-batches.mjs";
import "./hubspot-around.mjs";
import "./hubspot-refusals.mjs";
import "./hubspot-webhooks.mjs";

await runAll(
    async () => new Client({ accessToken: "sandbox-token", basePath: url, numberOfApiCallRetries: 0 }),
);

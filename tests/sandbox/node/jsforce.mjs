// jsforce against the sandbox.

import jsforce from "jsforce";

import { runAll, url } from "./harness.mjs";

import "./jsforce-records.mjs";
import "./jsforce-jobs.mjs";
import "./jsforce-sessions.mjs";
import "./jsforce-refusals.mjs";

await runAll(
    async () =>
        new jsforce.Connection({
            instanceUrl: url,
            accessToken: "00Dsandbox!sandbox-token",
            version: "64.0",
            maxRequest: 10,
        }),
);

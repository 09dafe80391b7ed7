// An app's webhooks: settings, subscriptions, and the signature of what arrives.

import assert from "node:assert/strict";
import { createServer } from "node:http";

import { Client, Signature } from "@hubspot/api-client";

import { control, failureOf, operation, url } from "./harness.mjs";
import { contact } from "./hubspot-records.mjs";

const [APP, SECRET] = [54321, "sandbox-client-secret-0001"];

/** The API as an app's developer calls it. */
function webhooks() {
    return new Client({ developerApiKey: "sandbox-developer-key", basePath: url }).webhooks;
}

const SETTINGS = { targetUrl: "http://127.0.0.1:1/hooks", throttling: { maxConcurrentRequests: 10 } };

operation(
    "webhooks",
    "webhooks.settingsApi.configure, getAll, clear",
    "200, 200, 204, then 404",
    async () => {
        const api = webhooks().settingsApi;
        assert.equal((await api.configure(APP, SETTINGS)).targetUrl, SETTINGS.targetUrl);
        assert.equal((await api.getAll(APP)).throttling.maxConcurrentRequests, 10);
        await api.clear(APP);
        assert.equal((await failureOf(api.getAll(APP))).code, 404);
    },
);

operation(
    "webhooks",
    "webhooks.subscriptionsApi.create, update, getById, archive",
    "201 inactive, 200 active, 200, 204",
    async () => {
        const { settingsApi, subscriptionsApi } = webhooks();
        await settingsApi.configure(APP, SETTINGS);
        const asked = { eventType: "contact.propertyChange", propertyName: "city", active: false };
        const made = await subscriptionsApi.create(APP, asked);
        assert.deepEqual(
            [made.eventType, made.propertyName, made.active],
            ["contact.propertyChange", "city", false],
        );
        const id = Number(made.id);
        assert.equal((await subscriptionsApi.update(id, APP, { active: true })).active, true);
        assert.equal((await subscriptionsApi.getById(id, APP)).active, true);
        await subscriptionsApi.archive(id, APP);
        assert.deepEqual((await subscriptionsApi.getAll(APP)).results, []);
    },
);

/** Receive one call on a free port. */
async function receiving(act) {
    const calls = [];
    const server = createServer(async (request, response) => {
        let body = "";
        for await (const part of request) body += part;
        calls.push({ headers: request.headers, body });
        response.end();
    });
    await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
    try {
        await act(`http://127.0.0.1:${server.address().port}/hooks`);
    } finally {
        server.closeAllConnections();
        server.close();
    }
    return calls;
}

operation(
    "webhooks",
    "Signature.isValid of a delivery",
    "true, as v1 and as v3; false for another secret",
    async (client) => {
        let target;
        const [call] = await receiving(async (address) => {
            target = address;
            await control("webhooks", { target_url: target, subscriptions: ["contact.creation"] });
            await contact(client, { email: "ada@example.com" });
            await control("webhooks/flush", {});
        });
        const told = { requestBody: call.body, url: target, method: "POST" };
        const first = { signatureVersion: "v1", signature: call.headers["x-hubspot-signature"] };
        const timestamp = Number(call.headers["x-hubspot-request-timestamp"]);
        const third = {
            signatureVersion: "v3",
            signature: call.headers["x-hubspot-signature-v3"],
            timestamp,
        };
        for (const version of [first, third]) {
            assert.equal(Signature.isValid({ ...told, ...version, clientSecret: SECRET }), true);
            assert.equal(Signature.isValid({ ...told, ...version, clientSecret: "another" }), false);
        }
    },
);

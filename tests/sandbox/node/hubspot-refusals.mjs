// Tokens, and what is refused.

import assert from "node:assert/strict";

import { Client } from "@hubspot/api-client";

import { control, failureOf, operation, submit, url } from "./harness.mjs";
import { contact } from "./hubspot-records.mjs";

const BACK = "http://localhost:8000/oauth/hubspot/callback";
const APP = ["sandbox-client-id", "sandbox-client-secret-0001"];

/** The tokens of an app that a person has let in. */
async function connected(client, scope) {
    // The client builds the address for HubSpot's own pages; the sandbox plays them on its port.
    const asked = client.oauth.getAuthorizationUrl(APP[0], BACK, scope, undefined, "s1");
    const page = url + asked.slice(new URL(asked).origin.length);
    const form = { decision: "approve", person: "mei.tanaka@northlight.example" };
    const answer = await submit(`${url}/oauth/authorize`, await (await fetch(page)).text(), form);
    const back = new URL(answer.headers.get("location")).searchParams;
    assert.equal(back.get("state"), "s1");
    return client.oauth.tokensApi.create("authorization_code", back.get("code"), BACK, ...APP);
}

const SCOPES = "oauth crm.objects.contacts.read";

operation(
    "tokens",
    "oauth.tokensApi.create(authorization_code)",
    "200: bearer tokens for 1800 seconds",
    async (client) => {
        const told = await connected(client, SCOPES);
        assert.deepEqual([told.tokenType, told.expiresIn], ["bearer", 1800]);
        const theirs = new Client({
            accessToken: told.accessToken,
            basePath: url,
            numberOfApiCallRetries: 0,
        });
        assert.deepEqual((await theirs.crm.contacts.basicApi.getPage()).results, []);
    },
);

operation(
    "tokens",
    "oauth.tokensApi.create(refresh_token)",
    "200: a new access token; invalid_grant once revoked",
    async (client) => {
        const { accessToken, refreshToken } = await connected(client, SCOPES);
        const refresh = () =>
            client.oauth.tokensApi.create("refresh_token", undefined, undefined, ...APP, refreshToken);
        assert.notEqual((await refresh()).accessToken, accessToken);
        await client.oauth.refreshTokensApi.archive(refreshToken);
        const error = await failureOf(refresh());
        assert.equal(error.code, 400);
        assert.equal(error.body.status, "BAD_REFRESH_TOKEN");
    },
);

operation("tokens", "oauth.tokensApi.create with a spent code", "400 BAD_AUTH_CODE", async (client) => {
    const error = await failureOf(client.oauth.tokensApi.create("authorization_code", "spent", BACK, ...APP));
    assert.equal(error.code, 400);
    assert.equal(error.body.status, "BAD_AUTH_CODE");
});

operation(
    "tokens",
    "oauth.accessTokensApi.get, refreshTokensApi.get",
    "200: portal, app, user and scopes",
    async (client) => {
        const { accessToken, refreshToken } = await connected(client, SCOPES);
        const access = await client.oauth.accessTokensApi.get(accessToken);
        assert.deepEqual([access.hubId, access.appId, access.tokenType], [62515, 54321, "access"]);
        assert.deepEqual([...access.scopes].sort(), SCOPES.split(" ").sort());
        const refresh = await client.oauth.refreshTokensApi.get(refreshToken);
        assert.deepEqual([refresh.hubId, refresh.clientId], [62515, APP[0]]);
    },
);

operation(
    "refusals",
    "crm.contacts.basicApi.create of a known address",
    "409 CONFLICT: Contact already exists. Existing ID: …",
    async (client) => {
        const id = await contact(client, { email: "ada@example.com" });
        const error = await failureOf(contact(client, { email: "Ada@Example.com" }));
        assert.equal(error.code, 409);
        assert.equal(error.body.category, "CONFLICT");
        assert.equal(error.body.message, `Contact already exists. Existing ID: ${id}`);
    },
);

operation(
    "refusals",
    "crm.contacts.basicApi.create with an unknown property",
    "400 VALIDATION_ERROR, PROPERTY_DOESNT_EXIST",
    async (client) => {
        const error = await failureOf(contact(client, { no_such_property: "9" }));
        assert.equal(error.code, 400);
        assert.equal(error.body.category, "VALIDATION_ERROR");
        assert.match(error.body.message, /^Property values were not valid: \[/);
        const [first] = error.body.errors;
        assert.deepEqual(
            [first.code, first.context.propertyName],
            ["PROPERTY_DOESNT_EXIST", ["no_such_property"]],
        );
    },
);

operation(
    "refusals",
    "crm.contacts.basicApi.update with a value that is no option",
    "400 VALIDATION_ERROR, INVALID_OPTION",
    async (client) => {
        const id = await contact(client, { email: "ada@example.com" });
        const error = await failureOf(
            client.crm.contacts.basicApi.update(id, { properties: { lifecyclestage: "friend" } }),
        );
        assert.deepEqual([error.code, error.body.errors[0].code], [400, "INVALID_OPTION"]);
    },
);

operation("refusals", "crm.contacts.basicApi.getById of an unknown id", "404", async (client) => {
    const error = await failureOf(client.crm.contacts.basicApi.getById("999"));
    assert.deepEqual([error.code, error.body.category], [404, "OBJECT_NOT_FOUND"]);
});

operation("refusals", "any call with a wrong token", "401 INVALID_AUTHENTICATION", async () => {
    const stranger = new Client({ accessToken: "wrong", basePath: url, numberOfApiCallRetries: 0 });
    const error = await failureOf(stranger.crm.contacts.basicApi.getPage());
    assert.deepEqual([error.code, error.body.category], [401, "INVALID_AUTHENTICATION"]);
});

operation(
    "refusals",
    "any call with a token of 1801 seconds",
    "401 EXPIRED_AUTHENTICATION",
    async (client) => {
        const { accessToken } = await connected(client, SCOPES);
        await control("clock", { advance: 1801 });
        const late = new Client({ accessToken, basePath: url, numberOfApiCallRetries: 0 });
        const error = await failureOf(late.crm.contacts.basicApi.getPage());
        assert.deepEqual([error.code, error.body.category], [401, "EXPIRED_AUTHENTICATION"]);
    },
);

operation(
    "refusals",
    "crm.contacts.basicApi.create without the scope",
    "403 MISSING_SCOPES: the scopes that are required",
    async (client) => {
        const { accessToken } = await connected(client, SCOPES);
        const reader = new Client({ accessToken, basePath: url, numberOfApiCallRetries: 0 });
        const error = await failureOf(contact(reader, { email: "ada@example.com" }));
        assert.deepEqual([error.code, error.body.category], [403, "MISSING_SCOPES"]);
        assert.deepEqual(error.body.errors[0].context.requiredGranularScopes, ["crm.objects.contacts.write"]);
    },
);

operation(
    "refusals",
    "any call beyond the limit of ten seconds",
    "429 TEN_SECONDLY_ROLLING, with the rate headers",
    async (client) => {
        await control("faults", { limits: { per_10s: 2 } });
        await client.crm.contacts.basicApi.getPage();
        await client.crm.contacts.basicApi.getPage();
        const error = await failureOf(client.crm.contacts.basicApi.getPage());
        assert.deepEqual([error.code, error.body.policyName], [429, "TEN_SECONDLY_ROLLING"]);
        assert.equal(error.headers["x-hubspot-ratelimit-max"], "2");
    },
);

operation(
    "refusals",
    "numberOfApiCallRetries: the client's own retry of a 5xx",
    "the second try succeeds",
    async () => {
        await control("faults", { error_rate: 1, error_status: 503, count: 1 });
        const patient = new Client({
            accessToken: "sandbox-token",
            basePath: url,
            numberOfApiCallRetries: 2,
        });
        const { results } = await patient.crm.contacts.basicApi.getPage();
        assert.deepEqual(results, []);
        assert.equal((await control("stats")).answers["503"], 1);
    },
);

operation(
    "refusals",
    "apiRequest to a dated path",
    "200: the client's raw call reaches /crm/objects/2026-09",
    async (client) => {
        const id = await contact(client, { email: "ada@example.com" });
        const answer = await client.apiRequest({ path: `/crm/objects/2026-09/contacts/${id}` });
        assert.equal(answer.status, 200);
        assert.equal((await answer.json()).id, id);
    },
);

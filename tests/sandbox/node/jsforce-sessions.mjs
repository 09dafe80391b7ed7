// Signing in, who one is, and what is left of the limits.

import assert from "node:assert/strict";

import jsforce from "jsforce";

import { failureOf, operation, submit, url } from "./harness.mjs";

const CALLBACK = "http://127.0.0.1:8000/oauth/salesforce/callback";
const ANNA = "anna.keller@northlight.example";
const APP = {
    loginUrl: url,
    clientId: "3MVG9.leadrelay.sandbox",
    clientSecret: "sandbox-secret",
    redirectUri: CALLBACK,
};

/** The code that Anna's consent brings back to the app. */
async function code(oauth2) {
    const asked = oauth2.getAuthorizationUrl({ scope: "api id refresh_token", state: "s1" });
    const page = `${url}/services/oauth2/authorize`;
    const consent = await submit(page, await (await fetch(asked)).text(), {
        username: ANNA,
        password: "x",
        action: "login",
    });
    const answer = await submit(page, await consent.text(), { action: "allow" });
    const back = new URL(answer.headers.get("location"));
    assert.equal(back.searchParams.get("state"), "s1");
    return back.searchParams.get("code");
}

async function signedIn(more = {}) {
    const oauth2 = new jsforce.OAuth2({ ...APP, ...more });
    const connection = new jsforce.Connection({ oauth2, version: "64.0" });
    await connection.authorize(await code(oauth2));
    return connection;
}

operation(
    "sessions",
    "Connection({instanceUrl, accessToken})",
    "a session by its id, no sign-in",
    async (connection) => {
        assert.equal((await connection.query("SELECT COUNT() FROM Lead")).totalSize, 0);
    },
);

operation(
    "sessions",
    "authorize(code)",
    "200: access token, refresh token, instance and identity",
    async () => {
        const connection = await signedIn();
        assert.equal(connection.instanceUrl, url);
        assert.ok(connection.refreshToken);
        assert.match(connection.userInfo.id, /^005\w{15}$/);
        assert.match(connection.userInfo.organizationId, /^00D\w{15}$/);
    },
);

operation(
    "sessions",
    "authorize(code) with useVerifier",
    "200: PKCE, the challenge at the page and the verifier here",
    async () => {
        const connection = await signedIn({ useVerifier: true });
        assert.equal((await connection.identity()).username, ANNA);
    },
);

operation("sessions", "oauth2.requestToken with another verifier", "400 invalid_request", async () => {
    const oauth2 = new jsforce.OAuth2({ ...APP, useVerifier: true });
    const spent = await code(oauth2);
    oauth2.codeVerifier = "v".repeat(64);
    assert.equal((await failureOf(oauth2.requestToken(spent))).name, "invalid_request");
});

operation("sessions", "oauth2.requestToken with a spent code", "400 invalid_grant", async () => {
    const oauth2 = new jsforce.OAuth2(APP);
    const once = await code(oauth2);
    await oauth2.requestToken(once);
    const error = await failureOf(oauth2.requestToken(once));
    assert.deepEqual([error.name, error.message], ["invalid_grant", "expired authorization code"]);
});

operation("sessions", "oauth2.refreshToken", "200: a new session, no new refresh token", async () => {
    const { oauth2, refreshToken, accessToken } = await signedIn();
    const told = await oauth2.refreshToken(refreshToken);
    assert.notEqual(told.access_token, accessToken);
    assert.equal(told.refresh_token, undefined);
    assert.match(told.issued_at, /^\d{13}$/);
});

operation(
    "sessions",
    "a query with a dead session and a refresh token",
    "401, one refresh, and the query again",
    async () => {
        const connection = await signedIn();
        const refreshed = [];
        connection.on("refresh", (token) => refreshed.push(token));
        connection.accessToken = "00Dsandbox!dead";
        assert.equal((await connection.query("SELECT COUNT() FROM Lead")).totalSize, 0);
        assert.deepEqual(refreshed, [connection.accessToken]);
    },
);

operation(
    "sessions",
    "authorize({grant_type: client_credentials})",
    "200: a session of the app's own user, no refresh token",
    async () => {
        const connection = new jsforce.Connection({ oauth2: APP, version: "64.0" });
        await connection.authorize({ grant_type: "client_credentials" });
        assert.ok(!connection.refreshToken);
        assert.equal((await connection.identity()).organization_id, connection.userInfo.organizationId);
    },
);

operation("sessions", "authorize with a wrong secret", "400 invalid_client", async () => {
    const connection = new jsforce.Connection({ oauth2: { ...APP, clientSecret: "wrong" } });
    assert.equal(
        (await failureOf(connection.authorize({ grant_type: "client_credentials" }))).name,
        "invalid_client",
    );
});

operation("sessions", "logout(revoke)", "200; the session and its refresh token are dead", async () => {
    const connection = await signedIn();
    const { oauth2, accessToken, refreshToken } = connection;
    await connection.logout(true);
    assert.equal((await failureOf(oauth2.refreshToken(refreshToken))).name, "invalid_grant");
    const late = new jsforce.Connection({ instanceUrl: url, accessToken, version: "64.0" });
    assert.equal((await failureOf(late.query("SELECT Id FROM Lead"))).errorCode, "INVALID_SESSION_ID");
});

operation(
    "sessions",
    "login(username, password)",
    "500 INVALID_OPERATION: SOAP login is disabled by default in an org of today",
    async () => {
        const connection = new jsforce.Connection({ loginUrl: url, version: "64.0" });
        const error = await failureOf(connection.login(ANNA, "x"));
        assert.match(
            error.message,
            /INVALID_OPERATION: SOAP API login\(\) is disabled by default in this org/,
        );
    },
);

operation(
    "sessions",
    "identity",
    "200: user, organization, name and the addresses of the APIs",
    async (connection) => {
        const told = await connection.identity();
        assert.match(told.user_id, /^005\w{15}$/);
        assert.match(told.id, /\/id\/00D\w{15}\/005\w{15}$/);
        assert.equal(told.urls.rest, `${url}/services/data/v{version}/`);
    },
);

operation(
    "sessions",
    "limits, limitInfo",
    "200: Max and Remaining; Sforce-Limit-Info of any answer",
    async (connection) => {
        const told = await connection.limits();
        assert.equal(told.DailyApiRequests.Max, 100_000);
        assert.equal(connection.limitInfo.apiUsage.limit, 100_000);
        assert.ok(connection.limitInfo.apiUsage.used >= 1);
    },
);

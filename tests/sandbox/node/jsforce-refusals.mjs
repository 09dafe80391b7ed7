// What is refused, by the names in err.errorCode.

import assert from "node:assert/strict";

import jsforce from "jsforce";

import { control, failureOf, operation, url } from "./harness.mjs";
import { LEAD, lead } from "./jsforce-records.mjs";

const create = (connection, fields) => connection.sobject("Lead").create(fields);

operation("refusals", "query that cannot be read", "400 MALFORMED_QUERY", async (connection) => {
    assert.equal((await failureOf(connection.query("SELECT Id FROM"))).errorCode, "MALFORMED_QUERY");
});

operation(
    "refusals",
    "query of an unknown field",
    "400 INVALID_FIELD: No such column 'Nope' on entity 'Lead' …",
    async (connection) => {
        const error = await failureOf(connection.query("SELECT Nope FROM Lead"));
        assert.equal(error.errorCode, "INVALID_FIELD");
        assert.match(error.message, /No such column 'Nope' on entity 'Lead'/);
    },
);

operation("refusals", "query of an unknown object", "400 INVALID_TYPE", async (connection) => {
    assert.equal((await failureOf(connection.query("SELECT Id FROM Nope"))).errorCode, "INVALID_TYPE");
});

operation("refusals", "queryMore of an unknown locator", "400 INVALID_QUERY_LOCATOR", async (connection) => {
    const error = await failureOf(connection.queryMore("/services/data/v64.0/query/01g000000000001-2000"));
    assert.equal(error.errorCode, "INVALID_QUERY_LOCATOR");
});

operation(
    "refusals",
    "sobject.create without Company",
    "400 REQUIRED_FIELD_MISSING: Required fields are missing: [Company]",
    async (connection) => {
        const error = await failureOf(create(connection, { LastName: "x" }));
        assert.deepEqual(
            [error.errorCode, error.message],
            ["REQUIRED_FIELD_MISSING", "Required fields are missing: [Company]"],
        );
        assert.deepEqual(error.data.fields, ["Company"]);
    },
);

operation(
    "refusals",
    "sobject.create with a long text",
    "400 STRING_TOO_LONG: data value too large: … (max length=80)",
    async (connection) => {
        const error = await failureOf(create(connection, { ...LEAD, LastName: "x".repeat(81) }));
        assert.equal(error.errorCode, "STRING_TOO_LONG");
        assert.match(error.message, /data value too large: x+ \(max length=80\)/);
    },
);

operation(
    "refusals",
    "sobject.create with a known unique value",
    "400 DUPLICATE_VALUE: … duplicates value on record with id: …",
    async (connection) => {
        const id = await lead(connection, { LeadRelay_Id__c: "lr-1" });
        const error = await failureOf(create(connection, { ...LEAD, LeadRelay_Id__c: "lr-1" }));
        assert.equal(error.errorCode, "DUPLICATE_VALUE");
        assert.equal(
            error.message,
            `duplicate value found: LeadRelay_Id__c duplicates value on record with id: ${id}`,
        );
    },
);

operation(
    "refusals",
    "sobject.create with a wrong address",
    "400 INVALID_EMAIL_ADDRESS",
    async (connection) => {
        assert.equal(
            (await failureOf(create(connection, { ...LEAD, Email: "nonsense" }))).errorCode,
            "INVALID_EMAIL_ADDRESS",
        );
    },
);

operation(
    "refusals",
    "sobject.create that a duplicate rule blocks",
    "400 DUPLICATES_DETECTED with duplicateResut",
    async (connection) => {
        await control("faults", { duplicate_rules: "block" });
        const id = await lead(connection, { Email: "ada@example.com" });
        const error = await failureOf(create(connection, { ...LEAD, Email: "ada@example.com" }));
        assert.equal(error.errorCode, "DUPLICATES_DETECTED");
        assert.equal(error.data.duplicateResut.matchResults[0].matchRecords[0].record.Id, id);
    },
);

operation("refusals", "sobject.create with an unknown field", "400 INVALID_FIELD", async (connection) => {
    assert.equal((await failureOf(create(connection, { ...LEAD, Nope__c: "x" }))).errorCode, "INVALID_FIELD");
});

operation(
    "refusals",
    "sobject.update of a field nobody writes",
    "400 INVALID_FIELD_FOR_INSERT_UPDATE",
    async (connection) => {
        const id = await lead(connection);
        const error = await failureOf(connection.sobject("Lead").update({ Id: id, IsConverted: true }));
        assert.equal(error.errorCode, "INVALID_FIELD_FOR_INSERT_UPDATE");
    },
);

operation("refusals", "sobject.retrieve of an unknown id", "404 NOT_FOUND", async (connection) => {
    assert.equal(
        (await failureOf(connection.sobject("Lead").retrieve("00Q000000000001EAA"))).errorCode,
        "NOT_FOUND",
    );
});

operation("refusals", "sobject.update of a deleted record", "404 ENTITY_IS_DELETED", async (connection) => {
    const id = await lead(connection);
    await connection.sobject("Lead").destroy(id);
    const error = await failureOf(connection.sobject("Lead").update({ Id: id, Title: "x" }));
    assert.equal(error.errorCode, "ENTITY_IS_DELETED");
});

operation("refusals", "any call with a dead session", "401 INVALID_SESSION_ID", async () => {
    const stranger = new jsforce.Connection({ instanceUrl: url, accessToken: "00Dx!dead", version: "64.0" });
    const error = await failureOf(stranger.query("SELECT Id FROM Lead"));
    assert.deepEqual([error.errorCode, error.message], ["INVALID_SESSION_ID", "Session expired or invalid"]);
});

operation("refusals", "soap with a dead session", "500 fault sf:INVALID_SESSION_ID", async () => {
    const stranger = new jsforce.Connection({ instanceUrl: url, accessToken: "00Dx!dead", version: "64.0" });
    assert.equal((await failureOf(stranger.soap.getUserInfo())).errorCode, "sf:INVALID_SESSION_ID");
});

operation("refusals", "any call beyond the daily limit", "403 REQUEST_LIMIT_EXCEEDED", async (connection) => {
    await control("faults", { limits: { daily: 0 } });
    assert.equal(
        (await failureOf(connection.query("SELECT Id FROM Lead"))).errorCode,
        "REQUEST_LIMIT_EXCEEDED",
    );
});

operation(
    "refusals",
    "a write to a locked row",
    "400 UNABLE_TO_LOCK_ROW for that item of a collection",
    async (connection) => {
        await control("faults", { half_failed_rate: 1 });
        const [told] = await connection.sobject("Lead").create([LEAD]);
        assert.equal(told.errors[0].statusCode, "UNABLE_TO_LOCK_ROW");
    },
);

operation("refusals", "any call of a version that is retired", "410", async () => {
    const session = { instanceUrl: url, accessToken: "00Dsandbox!sandbox-token" };
    const old = new jsforce.Connection({ ...session, version: "29.0" });
    await failureOf(old.limits());
    assert.deepEqual((await control("stats")).answers, { 410: 1 });
});

// Records one by one and in collections, queries, describes.

import assert from "node:assert/strict";

import jsforce from "jsforce";

import { failureOf, operation } from "./harness.mjs";

export const LEAD = { LastName: "Lovelace", Company: "Engines" };
const HOUR = 3_600_000;

export async function lead(connection, more = {}) {
    const { id } = await connection.sobject("Lead").create({ ...LEAD, ...more });
    return id;
}

operation("records", "sobject.create", "201: id of 18 characters, success", async (connection) => {
    const made = await connection.sobject("Lead").create(LEAD);
    assert.match(made.id, /^00Q\w{15}$/);
    assert.deepEqual([made.success, made.errors], [true, []]);
});

operation(
    "records",
    "sobject.retrieve",
    "200: the record with its attributes; found by 15 characters too",
    async (connection) => {
        const id = await lead(connection, { Title: "CTO" });
        const told = await connection.sobject("Lead").retrieve(id.slice(0, 15));
        assert.deepEqual([told.Id, told.Title, told.attributes.type], [id, "CTO", "Lead"]);
    },
);

operation(
    "records",
    "sobject.retrieve(ids)",
    "200 by POST /composite/sobjects: in the order asked, null for what is not there",
    async (connection) => {
        const [one, other] = [
            await lead(connection, { Title: "one" }),
            await lead(connection, { Title: "other" }),
        ];
        const told = await connection
            .sobject("Lead")
            .retrieve([other, "00Q000000000001EAA", one], { fields: ["Id", "Title"] });
        assert.deepEqual(
            told.map((row) => row?.Title ?? null),
            ["other", null, "one"],
        );
    },
);

operation("records", "sobject.update", "204: answered as success with the id", async (connection) => {
    const id = await lead(connection);
    const told = await connection.sobject("Lead").update({ Id: id, Title: "CTO" });
    assert.deepEqual([told.id, told.success], [id, true]);
    assert.equal((await connection.sobject("Lead").retrieve(id)).Title, "CTO");
});

operation(
    "records",
    "sobject.update(records)",
    "200: a result for each, in order, errors with statusCode",
    async (connection) => {
        const id = await lead(connection);
        const records = [
            { Id: id, Title: "CTO" },
            { Id: "00Q000000000001EAA", Title: "x" },
        ];
        const [fine, missing] = await connection.sobject("Lead").update(records);
        assert.deepEqual([fine.success, missing.success], [true, false]);
        assert.equal(typeof missing.errors[0].statusCode, "string");
    },
);

operation(
    "records",
    "sobject.create(records, allOrNone)",
    "200: one bad record rolls the others back",
    async (connection) => {
        const told = await connection.sobject("Lead").create([LEAD, { LastName: "x" }], { allOrNone: true });
        assert.deepEqual(
            told.map((one) => one.errors[0].statusCode),
            ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "REQUIRED_FIELD_MISSING"],
        );
        assert.equal((await connection.query("SELECT COUNT() FROM Lead")).totalSize, 0);
    },
);

operation("records", "sobject.destroy", "204, then 404 ENTITY_IS_DELETED", async (connection) => {
    const id = await lead(connection);
    assert.equal((await connection.sobject("Lead").destroy(id)).success, true);
    assert.equal((await failureOf(connection.sobject("Lead").retrieve(id))).errorCode, "ENTITY_IS_DELETED");
});

operation("records", "sobject.destroy(ids)", "200: a result for each", async (connection) => {
    const ids = [await lead(connection), await lead(connection)];
    const told = await connection.sobject("Lead").destroy(ids);
    assert.deepEqual(
        told.map((one) => [one.id, one.success]),
        ids.map((id) => [id, true]),
    );
});

operation("records", "sobject.upsert", "201 created, then 200 with created false", async (connection) => {
    const record = { ...LEAD, LeadRelay_Id__c: "lr/1 ä" };
    const first = await connection.sobject("Lead").upsert(record, "LeadRelay_Id__c");
    assert.deepEqual([first.success, first.created], [true, true]);
    const second = await connection
        .sobject("Lead")
        .upsert({ LeadRelay_Id__c: "lr/1 ä", Title: "CTO" }, "LeadRelay_Id__c");
    assert.deepEqual([second.id, second.created], [first.id, false]);
});

operation("records", "sobject.upsert(records)", "200: a result for each with created", async (connection) => {
    await lead(connection, { LeadRelay_Id__c: "lr-1" });
    const records = ["lr-1", "lr-2"].map((key) => ({ ...LEAD, LeadRelay_Id__c: key }));
    const told = await connection.sobject("Lead").upsert(records, "LeadRelay_Id__c");
    assert.deepEqual(
        told.map((one) => [one.success, one.created]),
        [
            [true, false],
            [true, true],
        ],
    );
});

operation(
    "records",
    "sobject.upsert by a shared value",
    "300: MULTIPLE_CHOICES with the addresses of the records",
    async (connection) => {
        await lead(connection, { Email: "info@example.com" });
        await lead(connection, { Email: "info@example.com" });
        const error = await failureOf(
            connection.sobject("Lead").upsert({ ...LEAD, Email: "info@example.com" }, "Email"),
        );
        assert.equal(error.errorCode, "MULTIPLE_CHOICES");
        assert.equal(error.data.length, 2);
        for (const address of error.data) assert.match(address, /\/sobjects\/Lead\/00Q\w{15}$/);
    },
);

operation(
    "records",
    "sobject.upsert by an unknown field",
    "404 NOT_FOUND: Provided external ID field does not exist …",
    async (connection) => {
        const error = await failureOf(
            connection.sobject("Lead").upsert({ ...LEAD, Nope__c: "1" }, "Nope__c"),
        );
        assert.equal(error.errorCode, "NOT_FOUND");
        assert.equal(
            error.message,
            "Provided external ID field does not exist or is not accessible: Nope__c",
        );
    },
);

/** The whole life of a record of a type. */
function life(kind, fields) {
    return async (connection) => {
        const api = connection.sobject(kind);
        const { id } = await api.create(fields);
        await api.update({ Id: id, Description: "seen" });
        const told = await api.retrieve(id);
        assert.equal(told.Description, "seen");
        for (const [name, value] of Object.entries(fields)) assert.equal(told[name], value);
        await api.destroy(id);
        assert.equal((await failureOf(api.retrieve(id))).errorCode, "ENTITY_IS_DELETED");
    };
}

const ADA = { LastName: "Lovelace", Email: "ada@example.com" };
const ACME = { Name: "ACME", Website: "https://acme.example" };
const DEAL = { Name: "Engines", StageName: "Prospecting", CloseDate: "2030-01-31" };
const CALL = { Subject: "Call Ada", ActivityDate: "2030-01-31", Status: "Not Started" };

operation(
    "other objects",
    "sobject(Contact)",
    "create 201, update 204, retrieve 200, destroy 204, then 404",
    life("Contact", ADA),
);
operation(
    "other objects",
    "sobject(Account)",
    "create 201, update 204, retrieve 200, destroy 204, then 404",
    life("Account", ACME),
);
operation(
    "other objects",
    "sobject(Opportunity)",
    "create 201, update 204, retrieve 200, destroy 204, then 404",
    life("Opportunity", DEAL),
);
operation(
    "other objects",
    "sobject(Task)",
    "create 201, update 204, retrieve 200, destroy 204, then 404",
    life("Task", CALL),
);

const DEMO = { Subject: "Demo", StartDateTime: "2030-01-31T09:00:00.000+0000", DurationInMinutes: 30 };

operation(
    "other objects",
    "sobject(Event)",
    "create 201, update 204, retrieve 200, destroy 204, then 404",
    life("Event", DEMO),
);
operation(
    "other objects",
    "sobject(Campaign)",
    "create 201, update 204, retrieve 200, destroy 204, then 404",
    life("Campaign", { Name: "Fair" }),
);
operation(
    "other objects",
    "sobject(Case)",
    "create 201, update 204, retrieve 200, destroy 204, then 404",
    life("Case", { Subject: "Help" }),
);

operation("queries", "query", "200: totalSize, done, records with attributes", async (connection) => {
    await lead(connection, { Email: "ada@example.com" });
    const told = await connection.query("SELECT Id, Owner.Name FROM Lead WHERE Email = 'ada@example.com'");
    assert.deepEqual([told.totalSize, told.done, told.records.length], [1, true, 1]);
    assert.equal(told.records[0].attributes.type, "Lead");
    assert.equal(told.records[0].Owner.attributes.type, "Name");
});

async function many(connection, count) {
    for (let made = 0; made < count; made += 200) {
        const records = Array.from({ length: Math.min(200, count - made) }, () => LEAD);
        await connection.sobject("Lead").create(records);
    }
}

operation(
    "queries",
    "query and queryMore",
    "200: 2000 rows and nextRecordsUrl; the rest behind it",
    async (connection) => {
        await many(connection, 2001);
        const first = await connection.query("SELECT Id FROM Lead");
        assert.deepEqual([first.totalSize, first.done, first.records.length], [2001, false, 2000]);
        const second = await connection.queryMore(first.nextRecordsUrl);
        assert.deepEqual([second.done, second.records.length], [true, 1]);
    },
);

operation(
    "queries",
    "query with Sforce-Query-Options: batchSize",
    "200: pages of that size; autoFetch reads on",
    async (connection) => {
        await many(connection, 401);
        const headers = { "Sforce-Query-Options": "batchSize=200" };
        const first = await connection.query("SELECT Id FROM Lead", { headers });
        assert.equal(first.records.length, 200);
        const all = await connection.query("SELECT Id FROM Lead", {
            headers,
            autoFetch: true,
            maxFetch: 1000,
        });
        assert.equal(all.records.length, 401);
    },
);

operation("queries", "query(…, scanAll)", "200 by queryAll: the deleted ones as well", async (connection) => {
    await connection.sobject("Lead").destroy(await lead(connection));
    assert.equal((await connection.query("SELECT Id FROM Lead")).totalSize, 0);
    const told = await connection.query("SELECT Id, IsDeleted FROM Lead", { scanAll: true });
    assert.deepEqual(
        told.records.map((one) => one.IsDeleted),
        [true],
    );
});

operation(
    "queries",
    "sobject.find(conditions).sort.limit",
    "200: the client's own SOQL",
    async (connection) => {
        for (const Title of ["b", "a", "c"]) await lead(connection, { Title });
        const yesterday = jsforce.SfDate.toDateTimeLiteral(new Date(Date.now() - 24 * HOUR));
        const told = await connection
            .sobject("Lead")
            .find({ CreatedDate: { $gte: yesterday }, Title: { $in: ["a", "b"] } }, ["Title"])
            .sort("Title")
            .limit(5);
        assert.deepEqual(
            told.map((one) => one.Title),
            ["a", "b"],
        );
    },
);

operation("queries", "sobject.count", "200: totalSize of COUNT()", async (connection) => {
    await lead(connection);
    assert.equal(await connection.sobject("Lead").count(), 1);
});

operation("describes", "describeGlobal", "200: the objects and their prefixes", async (connection) => {
    const { sobjects } = await connection.describeGlobal();
    const prefixes = Object.fromEntries(sobjects.map((one) => [one.name, one.keyPrefix]));
    assert.deepEqual(
        [prefixes.Lead, prefixes.Contact, prefixes.Account, prefixes.User],
        ["00Q", "003", "001", "005"],
    );
});

operation(
    "describes",
    "describe",
    "200: fields with type, length, rights and picklist",
    async (connection) => {
        const { fields } = await connection.describe("Lead");
        const field = (name) => fields.find((one) => one.name === name);
        assert.deepEqual(
            [field("LastName").type, field("LastName").length, field("LastName").nillable],
            ["string", 80, false],
        );
        assert.ok(field("Status").picklistValues.some((one) => one.value === "Open - Not Contacted"));
        assert.deepEqual(
            [field("LeadRelay_Id__c").externalId, field("IsConverted").updateable],
            [true, false],
        );
    },
);

operation("describes", "describe of an unknown object", "404 NOT_FOUND", async (connection) => {
    assert.equal((await failureOf(connection.describe("Nope"))).errorCode, "NOT_FOUND");
});

operation(
    "changes",
    "sobject.updated, sobject.deleted",
    "200: ids between two times, latestDateCovered",
    async (connection) => {
        const [kept, gone] = [await lead(connection), await lead(connection)];
        await connection.sobject("Lead").destroy(gone);
        const [start, end] = [new Date(Date.now() - HOUR), new Date(Date.now() + HOUR / 6)];
        const updated = await connection.sobject("Lead").updated(start, end);
        assert.deepEqual(updated.ids, [kept]);
        assert.match(updated.latestDateCovered, /^\d{4}-.*\+0000$/);
        const deleted = await connection.sobject("Lead").deleted(start, end);
        assert.deepEqual(
            deleted.deletedRecords.map((one) => one.id),
            [gone],
        );
        assert.ok(deleted.earliestDateAvailable);
    },
);

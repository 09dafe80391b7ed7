// A hundred records at a time, and what a 207 looks like to the client.

import assert from "node:assert/strict";

import { failureOf, operation } from "./harness.mjs";
import { contact } from "./hubspot-records.mjs";

const row = (email, objectWriteTraceId, more = {}) => ({
    properties: { email, ...more },
    associations: [],
    objectWriteTraceId,
});

operation(
    "batches",
    "crm.contacts.batchApi.create",
    "201 COMPLETE: a result for each input",
    async (client) => {
        const told = await client.crm.contacts.batchApi.create({
            inputs: [row("a@example.com"), row("b@example.com")],
        });
        assert.equal(told.status, "COMPLETE");
        assert.deepEqual(told.results.map((one) => one.properties.email).sort(), [
            "a@example.com",
            "b@example.com",
        ]);
    },
);

operation(
    "batches",
    "crm.contacts.batchApi.create with trace ids",
    "207: what is good is made, errors name the trace ids",
    async (client) => {
        const inputs = [row("a@example.com", "t1"), row("b@example.com", "t2", { no_such_property: "9" })];
        const told = await client.crm.contacts.batchApi.create({ inputs });
        assert.equal(told.numErrors, 1);
        assert.deepEqual(
            told.results.map((one) => one.objectWriteTraceId),
            ["t1"],
        );
        assert.equal(told.errors[0].category, "VALIDATION_ERROR");
        assert.deepEqual(told.errors[0].context.objectWriteTraceId, ["t2"]);
    },
);

operation(
    "batches",
    "crm.contacts.batchApi.create without trace ids",
    "409: one known address refuses the whole batch",
    async (client) => {
        const id = await contact(client, { email: "a@example.com" });
        const error = await failureOf(
            client.crm.contacts.batchApi.create({ inputs: [row("b@example.com"), row("a@example.com")] }),
        );
        assert.equal(error.code, 409);
        assert.equal(error.body.message, `Contact already exists. Existing ID: ${id}`);
        assert.equal((await client.crm.contacts.getAll()).length, 1);
    },
);

operation("batches", "crm.contacts.batchApi.create of 101", "400: at most 100 inputs", async (client) => {
    const inputs = Array.from({ length: 101 }, (_, number) => row(`${number}@example.com`));
    const error = await failureOf(client.crm.contacts.batchApi.create({ inputs }));
    assert.equal(error.code, 400);
    assert.equal(error.body.category, "VALIDATION_ERROR");
});

operation("batches", "crm.contacts.batchApi.read by e-mail", "200: found by idProperty", async (client) => {
    const id = await contact(client, { email: "a@example.com" });
    const asked = {
        inputs: [{ id: "a@example.com" }],
        idProperty: "email",
        properties: ["email"],
        propertiesWithHistory: [],
    };
    const told = await client.crm.contacts.batchApi.read(asked);
    assert.deepEqual(
        told.results.map((one) => one.id),
        [id],
    );
});

operation(
    "batches",
    "crm.contacts.batchApi.read of an unknown id",
    "207: the found ones, and an error with the ids that were not",
    async (client) => {
        const id = await contact(client, { email: "a@example.com" });
        const asked = { inputs: [{ id }, { id: "999" }], properties: ["email"], propertiesWithHistory: [] };
        const told = await client.crm.contacts.batchApi.read(asked);
        assert.deepEqual(
            told.results.map((one) => one.id),
            [id],
        );
        assert.equal(told.numErrors, 1);
        assert.deepEqual(told.errors[0].context.ids, ["999"]);
        assert.equal(told.errors[0].category, "OBJECT_NOT_FOUND");
    },
);

operation("batches", "crm.contacts.batchApi.update", "200 COMPLETE", async (client) => {
    const id = await contact(client, { email: "a@example.com" });
    const told = await client.crm.contacts.batchApi.update({
        inputs: [{ id, properties: { city: "Leeds" } }],
    });
    assert.deepEqual(
        told.results.map((one) => [one.id, one.properties.city]),
        [[id, "Leeds"]],
    );
});

operation(
    "batches",
    "crm.contacts.batchApi.upsert by e-mail",
    "200: new says which were made",
    async (client) => {
        const known = await contact(client, { email: "a@example.com" });
        const inputs = ["a@example.com", "b@example.com"].map((id) => ({
            id,
            idProperty: "email",
            properties: { email: id, city: "Leeds" },
        }));
        const told = await client.crm.contacts.batchApi.upsert({ inputs });
        const made = Object.fromEntries(told.results.map((one) => [one.properties.email, one._new]));
        assert.deepEqual(made, { "a@example.com": false, "b@example.com": true });
        assert.ok(told.results.some((one) => one.id === known));
    },
);

operation(
    "batches",
    "crm.contacts.batchApi.upsert by a property that is not unique",
    "400",
    async (client) => {
        const inputs = [{ id: "York", idProperty: "city", properties: { city: "York" } }];
        const error = await failureOf(client.crm.contacts.batchApi.upsert({ inputs }));
        assert.equal(error.code, 400);
        assert.match(error.body.message, /non-unique/);
    },
);

operation("batches", "crm.contacts.batchApi.archive", "204", async (client) => {
    const ids = [
        await contact(client, { email: "a@example.com" }),
        await contact(client, { email: "b@example.com" }),
    ];
    await client.crm.contacts.batchApi.archive({ inputs: ids.map((id) => ({ id })) });
    assert.deepEqual(await client.crm.contacts.getAll(), []);
});

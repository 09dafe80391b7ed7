// Records one by one, search, merging and erasing.

import assert from "node:assert/strict";

import { control, failureOf, operation } from "./harness.mjs";

const HOUR = 3_600_000;

export async function contact(client, properties) {
    const made = await client.crm.contacts.basicApi.create({ properties, associations: [] });
    return made.id;
}

operation(
    "contacts",
    "crm.contacts.basicApi.create",
    "201: the record, its id and values as text",
    async (client) => {
        const properties = { email: "ada@example.com", firstname: "Ada" };
        const made = await client.crm.contacts.basicApi.create({ properties, associations: [] });
        assert.match(made.id, /^\d+$/);
        assert.equal(made.properties.email, "ada@example.com");
        assert.equal(made.archived, false);
        assert.ok(Math.abs(Date.now() - made.createdAt) < HOUR);
    },
);

operation(
    "contacts",
    "crm.contacts.basicApi.getById",
    "200: the properties asked for, null where unset",
    async (client) => {
        const id = await contact(client, { email: "ada@example.com" });
        const told = await client.crm.contacts.basicApi.getById(id, ["email", "city", "no_such_property"]);
        assert.equal(told.properties.email, "ada@example.com");
        assert.equal(told.properties.city, null);
        assert.ok(!("no_such_property" in told.properties));
    },
);

operation(
    "contacts",
    "crm.contacts.basicApi.getById(…, idProperty)",
    "200: found by e-mail address",
    async (client) => {
        const id = await contact(client, { email: "ada@example.com" });
        const found = await client.crm.contacts.basicApi.getById(
            "Ada@example.com",
            ["email"],
            undefined,
            undefined,
            false,
            "email",
        );
        assert.equal(found.id, id);
    },
);

operation(
    "contacts",
    "crm.contacts.basicApi.getById(…, propertiesWithHistory)",
    "200: earlier values, newest first",
    async (client) => {
        const id = await contact(client, { email: "ada@example.com", city: "York" });
        await client.crm.contacts.basicApi.update(id, { properties: { city: "Leeds" } });
        const told = await client.crm.contacts.basicApi.getById(id, undefined, ["city"]);
        assert.deepEqual(
            told.propertiesWithHistory.city.map((one) => one.value),
            ["Leeds", "York"],
        );
    },
);

operation("contacts", "crm.contacts.basicApi.getPage", "200: pages by limit and after", async (client) => {
    const ids = [];
    for (const name of ["a", "b", "c"]) ids.push(await contact(client, { email: `${name}@example.com` }));
    const first = await client.crm.contacts.basicApi.getPage(2);
    const second = await client.crm.contacts.basicApi.getPage(2, first.paging.next.after);
    assert.deepEqual(
        [...first.results, ...second.results].map((one) => one.id),
        ids,
    );
    assert.equal(second.paging, undefined);
});

operation("contacts", "crm.contacts.getAll", "200: every page, one after the other", async (client) => {
    for (const name of ["a", "b", "c"]) await contact(client, { email: `${name}@example.com` });
    assert.equal((await client.crm.contacts.getAll(2)).length, 3);
});

operation(
    "contacts",
    "crm.contacts.basicApi.update",
    "200: the changed properties; an empty text clears",
    async (client) => {
        const id = await contact(client, { email: "ada@example.com", city: "York", phone: "1" });
        const told = await client.crm.contacts.basicApi.update(id, {
            properties: { city: "Leeds", phone: "" },
        });
        assert.equal(told.properties.city, "Leeds");
        const after = await client.crm.contacts.basicApi.getById(id, ["city", "phone"]);
        assert.equal(after.properties.city, "Leeds");
        assert.ok(!after.properties.phone);
    },
);

operation(
    "contacts",
    "crm.contacts.basicApi.archive",
    "204, also a second time; then 404, and the record among the archived",
    async (client) => {
        const id = await contact(client, { email: "ada@example.com" });
        await client.crm.contacts.basicApi.archive(id);
        await client.crm.contacts.basicApi.archive(id);
        assert.equal((await failureOf(client.crm.contacts.basicApi.getById(id))).code, 404);
        const bin = await client.crm.contacts.basicApi.getPage(
            10,
            undefined,
            undefined,
            undefined,
            undefined,
            true,
        );
        assert.deepEqual(
            bin.results.map((one) => [one.id, one.archived]),
            [[id, true]],
        );
    },
);

operation(
    "contacts",
    "crm.contacts.basicApi.merge",
    "200: a new id, to which both old ids lead",
    async (client) => {
        const [primary, other] = [
            await contact(client, { email: "a@example.com" }),
            await contact(client, { email: "b@example.com" }),
        ];
        const made = await client.crm.contacts.basicApi.merge({
            primaryObjectId: primary,
            objectIdToMerge: other,
        });
        assert.ok(![primary, other].includes(made.id));
        for (const old of [primary, other])
            assert.equal((await client.crm.contacts.basicApi.getById(old)).id, made.id);
    },
);

operation(
    "contacts",
    "crm.contacts.basicApi.purge",
    "204: gone for good, not among the archived either",
    async (client) => {
        const id = await contact(client, { email: "ada@example.com" });
        await client.crm.contacts.basicApi.purge({ objectId: id });
        assert.equal((await failureOf(client.crm.contacts.basicApi.getById(id))).code, 404);
        const bin = await client.crm.contacts.basicApi.getPage(
            10,
            undefined,
            undefined,
            undefined,
            undefined,
            true,
        );
        assert.deepEqual(bin.results, []);
    },
);

/** The whole life of a record of a type. */
function life(kind, properties, changed) {
    const [name] = Object.keys(changed);
    return async (client) => {
        const api = client.crm[kind].basicApi;
        const { id } = await api.create({ properties, associations: [] });
        await api.update(id, { properties: changed });
        assert.equal((await api.getById(id, [name])).properties[name], changed[name]);
        await api.archive(id);
        assert.equal((await failureOf(api.getById(id))).code, 404);
    };
}

const ACME = { name: "ACME", domain: "acme.example" };
const DEAL = { dealname: "Engines", pipeline: "default", dealstage: "appointmentscheduled" };

operation(
    "companies",
    "crm.companies.basicApi",
    "create 201, update 200, read 200, archive 204, then 404",
    life("companies", ACME, { city: "Leeds" }),
);
operation(
    "deals",
    "crm.deals.basicApi",
    "create 201, update 200, read 200, archive 204, then 404",
    life("deals", DEAL, { amount: "1200" }),
);

operation(
    "tasks",
    "crm.objects.tasks.basicApi",
    "create 201 with a contact, update 200, archive 204",
    async (client) => {
        const id = await contact(client, { email: "ada@example.com" });
        const types = [{ associationCategory: "HUBSPOT_DEFINED", associationTypeId: 204 }];
        const properties = {
            hs_timestamp: "2026-11-21T09:00:00Z",
            hs_task_subject: "Call Ada",
            hs_task_status: "NOT_STARTED",
        };
        const api = client.crm.objects.tasks.basicApi;
        const task = await api.create({ properties, associations: [{ to: { id }, types }] });
        const told = await api.getById(task.id, ["hs_task_subject"], undefined, ["contacts"]);
        assert.equal(told.associations.contacts.results[0].id, id);
        const done = await api.update(task.id, { properties: { hs_task_status: "COMPLETED" } });
        assert.equal(done.properties.hs_task_status, "COMPLETED");
        await api.archive(task.id);
        assert.equal((await failureOf(api.getById(task.id))).code, 404);
    },
);

const TICKET = { subject: "Help", hs_pipeline: "0", hs_pipeline_stage: "1" };

operation(
    "tickets",
    "crm.tickets.basicApi",
    "create 201, update 200, read 200, archive 204, then 404",
    life("tickets", TICKET, { content: "x" }),
);

operation("leads", "crm.objects.leads.basicApi.create", "201 with a contact; 400 without", async (client) => {
    const id = await contact(client, { email: "ada@example.com" });
    const types = [{ associationCategory: "HUBSPOT_DEFINED", associationTypeId: 578 }];
    const api = client.crm.objects.leads.basicApi;
    const properties = { hs_lead_name: "Ada" };
    const lead = await api.create({ properties, associations: [{ to: { id }, types }] });
    assert.match(lead.id, /^\d+$/);
    assert.equal((await failureOf(api.create({ properties, associations: [] }))).code, 400);
});

const filter = (propertyName, operator, value) => ({ filters: [{ propertyName, operator, value }] });

operation(
    "search",
    "crm.contacts.searchApi.doSearch(filterGroups)",
    "200: groups are OR, filters of a group AND; total and results",
    async (client) => {
        for (const [name, city] of [
            ["a", "York"],
            ["b", "Leeds"],
            ["c", "Hull"],
        ])
            await contact(client, { email: `${name}@example.com`, city });
        const filterGroups = [filter("city", "EQ", "york"), filter("email", "EQ", "c@example.com")];
        const told = await client.crm.contacts.searchApi.doSearch({
            filterGroups,
            properties: ["city"],
            limit: 10,
        });
        assert.equal(told.total, 2);
        assert.deepEqual(
            told.results.map((one) => one.properties.city),
            ["York", "Hull"],
        );
    },
);

operation(
    "search",
    "crm.contacts.searchApi.doSearch(sorts, limit, after)",
    "200: sorted pages; after is an offset",
    async (client) => {
        for (const name of ["a", "b", "c"]) await contact(client, { email: `${name}@example.com` });
        const asked = {
            sorts: [{ propertyName: "email", direction: "DESCENDING" }],
            properties: ["email"],
            limit: 2,
        };
        const first = await client.crm.contacts.searchApi.doSearch(asked);
        assert.equal(first.paging.next.after, "2");
        const second = await client.crm.contacts.searchApi.doSearch({
            ...asked,
            after: first.paging.next.after,
        });
        const emails = [...first.results, ...second.results].map((one) => one.properties.email);
        assert.deepEqual(emails, ["c@example.com", "b@example.com", "a@example.com"]);
    },
);

operation(
    "search",
    "crm.contacts.searchApi.doSearch(query)",
    "200: words looked for in the default properties",
    async (client) => {
        const id = await contact(client, { email: "ada@example.com", lastname: "Lovelace" });
        await contact(client, { email: "bob@example.com" });
        const told = await client.crm.contacts.searchApi.doSearch({ query: "lovelace", limit: 10 });
        assert.deepEqual(
            told.results.map((one) => one.id),
            [id],
        );
    },
);

operation(
    "search",
    "crm.contacts.searchApi.doSearch(after: 10000)",
    "400: no more than 10,000 results",
    async (client) => {
        const error = await failureOf(client.crm.contacts.searchApi.doSearch({ limit: 100, after: "10000" }));
        assert.equal(error.code, 400);
        assert.equal(error.body.status, "error");
    },
);

operation(
    "search",
    "crm.contacts.searchApi.doSearch(limit: 201)",
    "400: at most 200 a page",
    async (client) => {
        assert.equal((await failureOf(client.crm.contacts.searchApi.doSearch({ limit: 201 }))).code, 400);
    },
);

operation(
    "search",
    "crm.contacts.searchApi.doSearch, again and again",
    "429 beyond five a second, RATE_LIMITS and no rate headers",
    async (client) => {
        await control("clock", { now: "2030-01-01T00:00:00Z", frozen: true });
        for (let round = 0; round < 5; round += 1) await client.crm.contacts.searchApi.doSearch({ limit: 1 });
        const error = await failureOf(client.crm.contacts.searchApi.doSearch({ limit: 1 }));
        assert.equal(error.code, 429);
        assert.equal(error.body.category, "RATE_LIMITS");
        assert.equal(error.body.message, "You have reached your secondly limit.");
        assert.ok(!("x-hubspot-ratelimit-max" in error.headers));
    },
);

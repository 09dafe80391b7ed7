// What surrounds the records: associations, properties, pipelines, owners, lists.

import assert from "node:assert/strict";

import { failureOf, operation } from "./harness.mjs";
import { contact } from "./hubspot-records.mjs";

const PRIMARY = { associationCategory: "HUBSPOT_DEFINED", associationTypeId: 1 };

async function pair(client) {
    const company = await client.crm.companies.basicApi.create({
        properties: { name: "ACME" },
        associations: [],
    });
    return [await contact(client, { email: "ada@example.com" }), company.id];
}

async function typesOf(client, id) {
    const told = await client.crm.associations.v4.basicApi.getPage("contacts", id, "companies");
    return told.results
        .flatMap((one) => one.associationTypes.map((type) => type.typeId))
        .sort((a, b) => a - b);
}

operation(
    "associations",
    "crm.associations.v4.basicApi.createDefault",
    "200: the unlabelled types, both ways",
    async (client) => {
        const [person, company] = await pair(client);
        const told = await client.crm.associations.v4.basicApi.createDefault(
            "contacts",
            person,
            "companies",
            company,
        );
        assert.equal(told.status, "COMPLETE");
        assert.deepEqual(told.results.map((one) => one.associationSpec.associationTypeId).sort(), [279, 280]);
    },
);

operation(
    "associations",
    "crm.associations.v4.basicApi.create",
    "201: the labels; primary brings the unlabelled type",
    async (client) => {
        const [person, company] = await pair(client);
        const told = await client.crm.associations.v4.basicApi.create(
            "contacts",
            person,
            "companies",
            company,
            [PRIMARY],
        );
        assert.deepEqual(
            [told.fromObjectTypeId, told.toObjectTypeId, told.labels],
            ["0-1", "0-2", ["Primary"]],
        );
        assert.deepEqual(await typesOf(client, person), [1, 279]);
    },
);

operation(
    "associations",
    "crm.associations.v4.basicApi.archive",
    "204: all types are gone",
    async (client) => {
        const [person, company] = await pair(client);
        await client.crm.associations.v4.basicApi.create("contacts", person, "companies", company, [PRIMARY]);
        await client.crm.associations.v4.basicApi.archive("contacts", person, "companies", company);
        assert.deepEqual(await typesOf(client, person), []);
    },
);

operation("associations", "crm.associations.v4.batchApi.create", "201 COMPLETE", async (client) => {
    const [person, company] = await pair(client);
    const inputs = [{ _from: { id: person }, to: { id: company }, types: [PRIMARY] }];
    const told = await client.crm.associations.v4.batchApi.create("contacts", "companies", { inputs });
    assert.equal(told.status, "COMPLETE");
    assert.deepEqual(told.results[0].labels, ["Primary"]);
});

operation(
    "associations",
    "crm.associations.v4.batchApi.create with an unknown record",
    "207: an error for that row alone",
    async (client) => {
        const [person, company] = await pair(client);
        const inputs = [person, "999"].map((id) => ({
            _from: { id },
            to: { id: company },
            types: [PRIMARY],
        }));
        const told = await client.crm.associations.v4.batchApi.create("contacts", "companies", { inputs });
        assert.deepEqual([told.results.length, told.numErrors], [1, 1]);
    },
);

operation("associations", "crm.associations.v4.batchApi.createDefault", "200 COMPLETE", async (client) => {
    const [person, company] = await pair(client);
    const inputs = [{ _from: { id: person }, to: { id: company } }];
    const told = await client.crm.associations.v4.batchApi.createDefault("contacts", "companies", { inputs });
    assert.equal(told.status, "COMPLETE");
    assert.deepEqual(await typesOf(client, person), [279]);
});

operation(
    "associations",
    "crm.associations.v4.batchApi.getPage",
    "200: for each record what it is associated with",
    async (client) => {
        const [person, company] = await pair(client);
        await client.crm.associations.v4.basicApi.createDefault("contacts", person, "companies", company);
        const told = await client.crm.associations.v4.batchApi.getPage("contacts", "companies", {
            inputs: [{ id: person }],
        });
        assert.equal(told.results[0]._from.id, person);
        assert.deepEqual(
            told.results[0].to.map((one) => String(one.toObjectId)),
            [company],
        );
    },
);

operation("associations", "crm.associations.v4.batchApi.archive", "204", async (client) => {
    const [person, company] = await pair(client);
    await client.crm.associations.v4.basicApi.createDefault("contacts", person, "companies", company);
    await client.crm.associations.v4.batchApi.archive("contacts", "companies", {
        inputs: [{ _from: { id: person }, to: [{ id: company }] }],
    });
    assert.deepEqual(await typesOf(client, person), []);
});

operation(
    "associations",
    "crm.associations.v4.batchApi.archiveLabels",
    "204: that label only",
    async (client) => {
        const [person, company] = await pair(client);
        await client.crm.associations.v4.basicApi.create("contacts", person, "companies", company, [PRIMARY]);
        const inputs = [{ _from: { id: person }, to: { id: company }, types: [PRIMARY] }];
        await client.crm.associations.v4.batchApi.archiveLabels("contacts", "companies", { inputs });
        assert.deepEqual(await typesOf(client, person), [279]);
    },
);

operation(
    "labels",
    "crm.associations.v4.schema.definitionsApi",
    "getAll, create, update and remove of a label",
    async (client) => {
        const api = client.crm.associations.v4.schema.definitionsApi;
        const told = await api.getAll("contacts", "companies");
        const known = Object.fromEntries(told.results.map((one) => [one.typeId, one.label]));
        assert.deepEqual([known[1], known[279]], ["Primary", null]);
        const made = await api.create("contacts", "companies", { name: "decides", label: "Decides" });
        assert.deepEqual(
            made.results.map((one) => one.category),
            ["USER_DEFINED", "USER_DEFINED"],
        );
        const { typeId } = made.results[0];
        await api.update("contacts", "companies", { associationTypeId: typeId, label: "Signs" });
        const custom = (one) => one.category === "USER_DEFINED" && one.typeId === typeId; // ids repeat between categories
        const label = async () => (await api.getAll("contacts", "companies")).results.find(custom)?.label;
        assert.equal(await label(), "Signs");
        await api.remove("contacts", "companies", typeId);
        assert.equal(await label(), undefined);
    },
);

const SHOE = {
    name: "shoe_size",
    label: "Shoe size",
    type: "number",
    fieldType: "number",
    groupName: "contactinformation",
};

operation("properties", "crm.properties.coreApi.create", "201: the definition", async (client) => {
    const made = await client.crm.properties.coreApi.create("contacts", SHOE);
    assert.deepEqual([made.name, made.type, made.groupName], ["shoe_size", "number", "contactinformation"]);
});

operation("properties", "crm.properties.coreApi.create of a known name", "409", async (client) => {
    await client.crm.properties.coreApi.create("contacts", SHOE);
    const error = await failureOf(client.crm.properties.coreApi.create("contacts", SHOE));
    assert.equal(error.code, 409);
    assert.equal(error.body.status, "error");
});

operation(
    "properties",
    "crm.properties.coreApi.getAll, getByName, update, archive",
    "200, 200, 200, 204, then 404",
    async (client) => {
        const api = client.crm.properties.coreApi;
        await api.create("contacts", SHOE);
        assert.ok((await api.getAll("contacts")).results.some((one) => one.name === "shoe_size"));
        await api.update("contacts", "shoe_size", { label: "Shoes" });
        assert.equal((await api.getByName("contacts", "shoe_size")).label, "Shoes");
        await api.archive("contacts", "shoe_size");
        assert.equal((await failureOf(api.getByName("contacts", "shoe_size"))).code, 404);
    },
);

operation(
    "properties",
    "crm.properties.coreApi.getByName(lifecyclestage)",
    "200: the stages with their order",
    async (client) => {
        const told = await client.crm.properties.coreApi.getByName("contacts", "lifecyclestage");
        const order = [...told.options]
            .sort((one, other) => one.displayOrder - other.displayOrder)
            .map((one) => one.value);
        assert.deepEqual(order.slice(0, 4), [
            "subscriber",
            "lead",
            "marketingqualifiedlead",
            "salesqualifiedlead",
        ]);
    },
);

operation(
    "pipelines",
    "crm.pipelines.pipelinesApi.getAll",
    "200: pipelines with their stages",
    async (client) => {
        const told = await client.crm.pipelines.pipelinesApi.getAll("deals");
        const stages = told.results.find((one) => one.id === "default").stages;
        assert.ok(stages.some((one) => one.id === "closedwon" && one.metadata.isClosed === "true"));
    },
);

operation(
    "pipelines",
    "crm.pipelines.pipelinesApi.create, pipelineStagesApi.create, archive",
    "201, 201, 204",
    async (client) => {
        const stage = (label) => ({ label, displayOrder: 0, metadata: { probability: "0.5" } });
        const made = await client.crm.pipelines.pipelinesApi.create("deals", {
            label: "Resale",
            displayOrder: 1,
            stages: [stage("First")],
        });
        const second = await client.crm.pipelines.pipelineStagesApi.create("deals", made.id, stage("Second"));
        assert.equal(second.label, "Second");
        await client.crm.pipelines.pipelinesApi.archive("deals", made.id);
        assert.equal(
            (await failureOf(client.crm.pipelines.pipelinesApi.getById("deals", made.id))).code,
            404,
        );
    },
);

operation(
    "owners",
    "crm.owners.ownersApi.getPage",
    "200: owners by e-mail; the archived ones apart",
    async (client) => {
        const [anna] = (await client.crm.owners.ownersApi.getPage("anna.keller@northlight.example")).results;
        assert.deepEqual([anna.firstName, anna.type, anna.archived], ["Anna", "PERSON", false]);
        const left = await client.crm.owners.ownersApi.getPage(undefined, undefined, 100, true);
        assert.deepEqual(
            left.results.map((one) => one.email),
            ["oliver.stone@northlight.example"],
        );
    },
);

operation("owners", "crm.owners.ownersApi.getById", "200; 404 for an unknown id", async (client) => {
    const [anna] = (await client.crm.owners.ownersApi.getPage("anna.keller@northlight.example")).results;
    assert.equal((await client.crm.owners.ownersApi.getById(Number(anna.id))).email, anna.email);
    assert.equal((await failureOf(client.crm.owners.ownersApi.getById(1))).code, 404);
});

operation(
    "lists",
    "crm.lists.listsApi.create, membershipsApi.add, remove, getPage",
    "200: who joined, left, or is missing",
    async (client) => {
        const id = await contact(client, { email: "ada@example.com" });
        const { list } = await client.crm.lists.listsApi.create({
            name: "Hot",
            objectTypeId: "0-1",
            processingType: "MANUAL",
        });
        const joined = await client.crm.lists.membershipsApi.add(list.listId, [id, "999"]);
        assert.deepEqual([joined.recordsIdsAdded, joined.recordIdsMissing], [[id], ["999"]]);
        const page = await client.crm.lists.membershipsApi.getPage(list.listId);
        assert.deepEqual(
            page.results.map((one) => one.recordId),
            [id],
        );
        const left = await client.crm.lists.membershipsApi.remove(list.listId, [id]);
        assert.deepEqual(left.recordIdsRemoved, [id]);
    },
);

operation(
    "lists",
    "crm.lists.listsApi.getById after remove, restore",
    "404 once deleted; 200 again once restored",
    async (client) => {
        const { list } = await client.crm.lists.listsApi.create({
            name: "Hot",
            objectTypeId: "0-1",
            processingType: "MANUAL",
        });
        await client.crm.lists.listsApi.remove(list.listId);
        assert.equal((await failureOf(client.crm.lists.listsApi.getById(list.listId))).code, 404);
        await client.crm.lists.listsApi.restore(list.listId);
        assert.equal((await client.crm.lists.listsApi.getById(list.listId)).list.name, "Hot");
    },
);

operation(
    "lists",
    "crm.lists.membershipsApi.addAllFromList, getLists, removeAll",
    "204, 200: the lists of a record, 204",
    async (client) => {
        const { listsApi, membershipsApi } = client.crm.lists;
        const id = await contact(client, { email: "ada@example.com" });
        const list = async (name) => {
            const made = await listsApi.create({ name, objectTypeId: "0-1", processingType: "MANUAL" });
            return made.list.listId;
        };
        const [source, target] = [await list("Source"), await list("Target")];
        await membershipsApi.add(source, [id]);
        await membershipsApi.addAllFromList(target, source);
        const { results } = await membershipsApi.getLists("0-1", id);
        assert.deepEqual(results.map((one) => one.listId).sort(), [source, target].sort());
        await membershipsApi.removeAll(target);
        assert.deepEqual((await membershipsApi.getPage(target)).results, []);
    },
);

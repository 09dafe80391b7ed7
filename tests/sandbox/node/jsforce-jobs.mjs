// Several at once: composite calls, bulk jobs, and the SOAP calls that REST has no counterpart for.

import assert from "node:assert/strict";

import { failureOf, operation } from "./harness.mjs";
import { LEAD, lead } from "./jsforce-records.mjs";

const BASE = "/services/data/v64.0";
const FAST = { pollInterval: 20, pollTimeout: 5000 };

operation(
    "composite",
    "requestPost(/composite)",
    "200: a result for each; @{…} names what an earlier one made",
    async (connection) => {
        const compositeRequest = [
            { method: "POST", url: `${BASE}/sobjects/Account`, referenceId: "acme", body: { Name: "ACME" } },
            {
                method: "POST",
                url: `${BASE}/sobjects/Contact`,
                referenceId: "ada",
                body: { LastName: "L", AccountId: "@{acme.id}" },
            },
        ];
        const { compositeResponse } = await connection.requestPost("/composite", {
            allOrNone: true,
            compositeRequest,
        });
        assert.deepEqual(
            compositeResponse.map((one) => [one.referenceId, one.httpStatusCode]),
            [
                ["acme", 201],
                ["ada", 201],
            ],
        );
        const contact = await connection.sobject("Contact").retrieve(compositeResponse[1].body.id);
        assert.equal(contact.AccountId, compositeResponse[0].body.id);
    },
);

operation(
    "composite",
    "requestPost(/composite, allOrNone) with a bad one",
    "200: 400 for the bad one, PROCESSING_HALTED for the others",
    async (connection) => {
        const compositeRequest = [LEAD, { LastName: "x" }].map((body, number) => ({
            method: "POST",
            url: `${BASE}/sobjects/Lead`,
            referenceId: `r${number}`,
            body,
        }));
        const { compositeResponse } = await connection.requestPost("/composite", {
            allOrNone: true,
            compositeRequest,
        });
        assert.deepEqual(
            compositeResponse.map((one) => one.body[0].errorCode),
            ["PROCESSING_HALTED", "REQUIRED_FIELD_MISSING"],
        );
    },
);

operation(
    "composite",
    "requestPost(/composite/batch)",
    "200: hasErrors, and a statusCode for each",
    async (connection) => {
        const batchRequests = [
            { method: "GET", url: "v64.0/limits" },
            { method: "GET", url: "v64.0/sobjects/Nope" },
        ];
        const told = await connection.requestPost("/composite/batch", { batchRequests });
        assert.deepEqual([told.hasErrors, told.results.map((one) => one.statusCode)], [true, [200, 404]]);
    },
);

operation(
    "composite",
    "requestPost(/composite/tree/Account)",
    "201: ids by referenceId, the children's too",
    async (connection) => {
        const child = { attributes: { type: "Contact", referenceId: "c1" }, LastName: "L" };
        const records = [
            {
                attributes: { type: "Account", referenceId: "a1" },
                Name: "ACME",
                Contacts: { records: [child] },
            },
        ];
        const told = await connection.requestPost("/composite/tree/Account", { records });
        assert.deepEqual([told.hasErrors, told.results.map((one) => one.referenceId)], [false, ["a1", "c1"]]);
    },
);

operation(
    "composite",
    "requestPost(/composite/graph)",
    "200: each graph all or nothing for itself",
    async (connection) => {
        const graphs = [{ Name: "ACME" }, {}].map((body, number) => ({
            graphId: `g${number}`,
            compositeRequest: [{ method: "POST", url: `${BASE}/sobjects/Account`, referenceId: "a", body }],
        }));
        const told = await connection.requestPost("/composite/graph", { graphs });
        assert.deepEqual(
            told.graphs.map((one) => [one.graphId, one.isSuccessful]),
            [
                ["g0", true],
                ["g1", false],
            ],
        );
    },
);

operation(
    "tooling",
    "tooling.sobject(CustomField).create",
    "201: a custom field, hidden until a permission set grants it",
    async (connection) => {
        const Metadata = { label: "Shop Id", type: "Text", length: 20, externalId: true, unique: true };
        const made = await connection.tooling
            .sobject("CustomField")
            .create({ FullName: "Account.Shop_Id__c", Metadata });
        assert.match(made.id, /^00N/);
        const user = (await connection.identity()).user_id;
        const set = await connection.sobject("PermissionSet").create({ Name: "installer", Label: "Installer" });
        await connection
            .sobject("PermissionSetAssignment")
            .create({ AssigneeId: user, PermissionSetId: set.id });
        await connection.sobject("FieldPermissions").create({
            ParentId: set.id,
            SobjectType: "Account",
            Field: "Account.Shop_Id__c",
            PermissionsRead: true,
            PermissionsEdit: true,
        });
        await connection.sobject("Account").upsert({ Name: "Shop", Shop_Id__c: "s-1" }, "Shop_Id__c");
        assert.equal(
            (await connection.query("SELECT Name FROM Account WHERE Shop_Id__c = 's-1'")).totalSize,
            1,
        );
    },
);

operation(
    "bulk 2.0",
    "bulk2.loadAndWaitForResults(insert)",
    "JobComplete: rows with sf__Id and sf__Created; sf__Error for the others",
    async (connection) => {
        const input = [
            { ...LEAD, Email: "a@example.com" },
            { ...LEAD, Email: "nonsense" },
        ];
        const told = await connection.bulk2.loadAndWaitForResults({
            object: "Lead",
            operation: "insert",
            input,
            ...FAST,
        });
        assert.deepEqual(
            told.successfulResults.map((one) => [one.sf__Created, one.Email]),
            [["true", "a@example.com"]],
        );
        assert.match(told.successfulResults[0].sf__Id, /^00Q\w{15}$/);
        assert.match(told.failedResults[0].sf__Error, /^INVALID_EMAIL_ADDRESS:/);
        assert.deepEqual(told.unprocessedRecords, []);
    },
);

operation(
    "bulk 2.0",
    "bulk2.createJob(upsert): open, uploadData, close, poll, check",
    "Open, then UploadComplete, then JobComplete with its counts",
    async (connection) => {
        await lead(connection, { LeadRelay_Id__c: "lr-1" });
        const job = connection.bulk2.createJob({
            object: "Lead",
            operation: "upsert",
            externalIdFieldName: "LeadRelay_Id__c",
        });
        const opened = await job.open();
        assert.equal(opened.state, "Open");
        assert.match(opened.id, /^750/);
        await job.uploadData("LastName,Company,LeadRelay_Id__c\nL,x,lr-1\nL,x,lr-2\n");
        await job.close();
        await job.poll(20, 5000);
        const done = await job.check();
        assert.deepEqual(
            [done.state, done.numberRecordsProcessed, done.numberRecordsFailed],
            ["JobComplete", 2, 0],
        );
        assert.deepEqual(
            (await job.getSuccessfulResults()).map((one) => one.sf__Created),
            ["false", "true"],
        );
        await job.delete();
    },
);

operation("bulk 2.0", "bulk2.createJob: abort", "Aborted", async (connection) => {
    const job = connection.bulk2.createJob({ object: "Lead", operation: "insert" });
    await job.open();
    await job.abort();
    assert.equal((await job.check()).state, "Aborted");
});

operation(
    "bulk 2.0",
    "bulk2.query",
    "the rows as CSV, page by page behind Sforce-Locator",
    async (connection) => {
        await connection.sobject("Lead").create([
            { ...LEAD, Title: 'a, "b"' },
            { ...LEAD, Title: null },
        ]);
        const stream = await connection.bulk2.query("SELECT Id, Title FROM Lead", FAST);
        const rows = await stream.toArray();
        assert.deepEqual(rows.map((one) => one.Title).sort(), ["", 'a, "b"']);
    },
);

operation(
    "SOAP",
    "soap.convertLead",
    "account, contact and opportunity; the lead is converted",
    async (connection) => {
        const anna = await connection
            .sobject("User")
            .findOne({ Email: "anna.keller@northlight.example" }, ["Id"]);
        const leadId = await lead(connection, { Email: "ada@example.com" }); // the assignment rule gave it to a queue
        const asked = {
            leadId,
            convertedStatus: "Closed - Converted",
            opportunityName: "Engines",
            ownerId: anna.Id,
        };
        const told = await connection.soap.convertLead(asked);
        assert.deepEqual([told.success, told.leadId], [true, leadId]);
        const row = await connection.sobject("Lead").retrieve(leadId);
        assert.deepEqual(
            [row.IsConverted, row.ConvertedContactId, row.ConvertedAccountId],
            [true, told.contactId, told.accountId],
        );
        assert.equal((await connection.sobject("Opportunity").retrieve(told.opportunityId)).Name, "Engines");
        const error = await failureOf(connection.sobject("Lead").update({ Id: leadId, Title: "x" }));
        assert.equal(error.errorCode, "CANNOT_UPDATE_CONVERTED_LEAD");
    },
);

operation(
    "SOAP",
    "soap.convertLead with a wrong status",
    "success false, and the error in the result",
    async (connection) => {
        const anna = await connection
            .sobject("User")
            .findOne({ Email: "anna.keller@northlight.example" }, ["Id"]);
        const [told] = await connection.soap.convertLead([
            { leadId: await lead(connection), convertedStatus: "Nope", ownerId: anna.Id },
        ]);
        assert.equal(told.success, false);
        assert.match(told.errors[0].message, /convertedStatus/);
    },
);

operation(
    "SOAP",
    "soap.merge",
    "mergedRecordIds; the loser is deleted with MasterRecordId",
    async (connection) => {
        const [master, loser] = [await lead(connection), await lead(connection, { Title: "CTO" })];
        const told = await connection.soap.merge({
            masterRecord: { type: "Lead", Id: master, Title: "CEO" },
            recordToMergeIds: [loser],
        });
        assert.deepEqual([told.success, told.id, told.mergedRecordIds], [true, master, [loser]]);
        assert.equal((await connection.sobject("Lead").retrieve(master)).Title, "CEO");
        const { records } = await connection.query(
            `SELECT IsDeleted, MasterRecordId FROM Lead WHERE Id = '${loser}'`,
            { scanAll: true },
        );
        assert.deepEqual([records[0].IsDeleted, records[0].MasterRecordId], [true, master]);
    },
);

operation(
    "SOAP",
    "soap.delete, soap.undelete, soap.emptyRecycleBin",
    "success for each id",
    async (connection) => {
        const id = await lead(connection);
        assert.equal((await connection.soap.delete([id]))[0].success, true);
        assert.equal((await connection.soap.undelete([id]))[0].success, true);
        assert.equal((await connection.sobject("Lead").retrieve(id)).Id, id);
        await connection.sobject("Lead").destroy(id);
        assert.equal((await connection.soap.emptyRecycleBin([id]))[0].success, true);
        assert.equal((await connection.query("SELECT Id FROM Lead", { scanAll: true })).totalSize, 0);
    },
);

operation(
    "SOAP",
    "soap.getUserInfo, soap.getServerTimestamp",
    "who calls, and the time there",
    async (connection) => {
        const user = await connection.soap.getUserInfo();
        assert.match(user.userId, /^005\w{15}$/);
        assert.match(user.organizationId, /^00D\w{15}$/);
        const { timestamp } = await connection.soap.getServerTimestamp();
        assert.ok(Math.abs(Date.now() - Date.parse(timestamp)) < 3_600_000);
    },
);

// Keeps the list of operations, and runs each on a new account of the sandbox at SANDBOX_URL.

import assert from "node:assert/strict";

export const url = process.env.SANDBOX_URL;

const listed = [];

/** Add an operation: its group, the client's call, what the vendor documents, and the proof. */
export function operation(group, call, result, run) {
    listed.push({ group, call, result, run });
}

/** Run all of them; print a line of JSON for each, with its error where it failed. */
export async function runAll(connect) {
    for (const { group, call, result, run } of listed) {
        let error = null;
        try {
            await control("reset", {});
            await run(await connect());
        } catch (failure) {
            error = failure.stack ?? String(failure);
        }
        console.log(JSON.stringify({ group, call, result, error }));
    }
}

/** Look behind the scenes, or with a body change something there. */
export async function control(path, body) {
    const how = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
    const answer = await fetch(`${url}/__sandbox/${path}`, how);
    const text = await answer.text();
    assert.ok(answer.ok, `${path}: ${text}`);
    return text === "" ? null : JSON.parse(text);
}

/** The error that a call ends with. */
export async function failureOf(promise) {
    try {
        await promise;
    } catch (error) {
        return error;
    }
    return assert.fail("the call should have failed");
}

/** Fill in the form of a page as a person does, its hidden fields included; answer the address it leads to. */
export async function submit(page, html, fields) {
    const hidden = [...html.matchAll(/type="hidden" name="([^"]+)" value="([^"]*)"/g)];
    const form = new URLSearchParams(hidden.map(([, name, value]) => [name, unescaped(value)]));
    for (const [name, value] of Object.entries(fields)) form.set(name, value);
    return fetch(page, { method: "POST", body: form, redirect: "manual" });
}

function unescaped(text) {
    const signs = { amp: "&", lt: "<", gt: ">", quot: '"', "#34": '"', "#39": "'" };
    return text.replace(/&(#?\w+);/g, (all, name) => signs[name] ?? all);
}

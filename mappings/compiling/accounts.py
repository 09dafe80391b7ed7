"""Accounts in the playbook: accounts.yaml, and the object of companies in a CRM's map."""

from __future__ import annotations

from collections.abc import Mapping

from mappings.compiling.scope import Scope, declared
from mappings.compiling.validation import Checked
from mappings.domains import registrable
from mappings.loader import Document
from mappings.playbook import ACCOUNT_OBJECTS, AccountMatch, Accounts, CrmMap
from mappings.schema import AccountsFile, CrmFile
from model.account import PARENT


def compile_accounts(checked: Checked[AccountsFile], scope: Scope) -> Accounts:
    """Return which domains stand for companies; what cannot be a domain is noted in the scope."""
    file, document = checked.model, checked.document
    for n, domain in enumerate(file.shared_domains):
        _check(domain, document, scope, "shared_domains", n)
    for domain, main in file.aliases.items():
        _check(domain, document, scope, "aliases", domain, is_key=True)
        _check(main, document, scope, "aliases", domain)
        at = document.value_place("aliases", domain)
        if main in file.aliases:
            fix = f"Write {file.aliases[main]} here."
            scope.fault(at, f'"{main}" is an alias itself', fix)
        if main in file.shared_domains:
            scope.fault(at, f'"{main}" is listed under shared_domains, so it stands for no company')
    return Accounts(frozenset(file.shared_domains), dict(file.aliases), _match(file, document, scope))


def _match(file: AccountsFile, document: Document, scope: Scope) -> AccountMatch | None:
    """Return when leads are matched by evidence; bands that exclude each other are noted."""
    entry = file.match
    if entry is None:
        return None
    if entry.review > entry.same:
        at, fix = document.value_place("match", "review"), f"Write {entry.same:g} or less."
        scope.fault(at, "nobody would be asked: from same on the lead belongs there", fix)
    for setting, names in (("only", entry.only), ("tie_breakers", entry.tie_breakers)):
        for n, name in enumerate(names):
            if name in names[:n]:
                scope.fault(document.value_place("match", setting, n), f'"{name}" stands twice')
    return AccountMatch(
        entry.same,
        entry.review,
        tuple(entry.only),
        tuple(entry.tie_breakers),
        entry.fallback,
        document.place("match"),
    )


def _check(domain: str, document: Document, scope: Scope, *path: str | int, is_key: bool = False) -> None:
    found = registrable(domain)
    if found != domain:
        at = document.place(*path) if is_key else document.value_place(*path)
        fix = f"Write {found}." if found else "Write a domain such as acme.com."
        scope.fault(at, f'"{domain}" is not a registrable domain in lower case', fix)


def people_objects(document: Document) -> list[str]:
    """Return the objects of a CRM's file that hold people, as far as it can be read."""
    data = document.data if isinstance(document.data, dict) else {}
    others = (data.get("account"), data.get("deal"))
    return [name for name in declared(document, "objects") if name not in others]


def check_parents(crms: Mapping[str, CrmMap], scope: Scope) -> None:
    """Check that one CRM says which company belongs to which, and that nothing is written there.

    The parent is the id of a record of that CRM: on another connection it means nothing.
    """
    said = [
        rule for crm in crms.values() if crm.account for rule in crm.account.fields if rule.field == PARENT
    ]
    for rule in said:
        if not rule.read_only:
            text = "the parent is the id of a record there, which leadrelay does not choose"
            scope.fault(rule.place, text, "Add read_only: true.")
    for rule in said[1:]:
        fix = "Leave it to the CRM in which companies are kept best."
        scope.fault(rule.place, f"{said[0].place.file} says the parents of companies already", fix)


def check_objects(checked: Checked[CrmFile], scope: Scope) -> None:
    """Check which object holds companies: the vendor's, with our id on it, and no other."""
    file, document = checked.model, checked.document
    usual = ACCOUNT_OBJECTS[file.kind]
    if file.account is None:
        if usual in file.objects:
            at = document.place("objects", usual)
            scope.fault(at, f"{usual} holds companies, not people", f"Add the setting account: {usual}.")
        return
    at = document.value_place("account")
    if file.account != usual:
        scope.fault(at, f"companies cannot be kept in {file.account}", f"In {file.kind} it is {usual}.")
    elif scope.knows(at, "object", file.account, list(file.objects)):
        entry = file.objects[file.account]
        if not entry.id_field and not any(line.field == "id" for line in entry.fields.values()):
            place = document.place("objects", file.account)
            fix = "Without it a company whose answer was lost would be made twice."
            scope.fault(place, f"{file.account} needs an id_field for leadrelay's own id", fix)

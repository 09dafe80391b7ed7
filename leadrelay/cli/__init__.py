"""The commands; each file holds those of one kind."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from leadrelay import logs
from leadrelay.cli import (
    access,
    alerts,
    backfills,
    borderline,
    conflicts,
    connections,
    consent,
    deletions,
    doctor,
    explain,
    fairness,
    golive,
    import_undo,
    imports,
    keeping,
    lifecycles,
    maps,
    match,
    plan,
    playbook,
    reconcile,
    rehearsal,
    replay,
    reviews,
    running,
    same_deals,
    secrets,
    simulate,
    sources,
    staging,
    status,
    versions,
)

app = typer.Typer(
    name="leadrelay",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"leadrelay {version('leadrelay')}")
        raise typer.Exit


@app.callback()
def leadrelay(
    is_version: Annotated[  # noqa: ARG001 (its own callback tells it)
        bool,
        typer.Option("--version", callback=_tell_version, is_eager=True, help="Tell the version and end."),
    ] = False,
) -> None:
    """Lead middleware and sync daemon for HubSpot and Salesforce."""
    logs.keep_apart()


app.command("serve")(running.serve)
app.command("web")(running.web)
app.command("worker")(running.worker)
app.command("scheduler")(running.scheduler)
app.command("run")(running.run)
app.command("sandbox")(running.sandbox)
app.command("init")(playbook.init)
app.command("check")(playbook.check)
app.command("test")(rehearsal.try_examples)
app.command("diff")(versions.diff)
app.command("apply")(versions.apply)
app.command("rollback")(versions.rollback)
app.command("versions")(versions.versions)
app.command("simulate")(simulate.simulate)
app.command("status")(status.status)
app.command("explain")(explain.explain)
app.command("stage")(staging.stage)
app.command("fairness")(fairness.fairness)
app.command("replay")(replay.replay)
app.command("conflicts")(conflicts.conflicts)
app.command("reviews")(reviews.reviews)
app.command("same-deals")(same_deals.same_deals)
app.command("deletions")(deletions.deletions)
app.command("connect")(connections.connect)
app.command("disconnect")(connections.disconnect)
app.command("plan")(plan.plan)
app.command("go-live")(golive.go_live)
app.command("backfill")(backfills.backfill)
app.command("reconcile")(reconcile.reconcile)
app.command("doctor")(doctor.doctor)
app.command("backup")(keeping.backup)
app.command("restore")(keeping.restore)
app.command("retention")(keeping.retention)
imports.app.command("undo")(import_undo.undo)
app.add_typer(imports.app, name="import")
app.add_typer(alerts.app, name="alert")
app.add_typer(consent.app, name="consent")
app.add_typer(secrets.app, name="secrets")
app.add_typer(sources.app, name="source")
app.add_typer(maps.app, name="map")
app.add_typer(match.app, name="match")
app.add_typer(borderline.app, name="review")
app.add_typer(lifecycles.app, name="lifecycle")
app.add_typer(access.users, name="user")
app.add_typer(access.tokens, name="token")

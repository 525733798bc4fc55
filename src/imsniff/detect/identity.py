"""Who is behind an account: accounts on several hosts, hosts with several accounts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from imsniff.base.addresses import address, is_internal
from imsniff.base.events import Outcome
from imsniff.base.limits import ACCOUNT_MEMORY_NS, MAX_REMEMBERED_ACCOUNTS, MAX_REMEMBERED_HOSTS
from imsniff.base.records import LoginRecord, nanoseconds
from imsniff.base.risks import Risk
from imsniff.detect.finding import PEER_TO_PEER, Context, Sighting, sighting
from imsniff.detect.memory import AgingTable
from imsniff.detect.observation import Observation, observation, observed
from imsniff.detect.registry import CrossFlowDetector, across_flows
from imsniff.policy.policy import Policy


class _Use(NamedTuple):
    """One host's use of an account."""

    since: int
    until: int
    first: Observation
    reported: bool


def _from_inside(context: Context, login: LoginRecord) -> bool:
    """A log-in that did not fail, from an inside host."""
    client = address(context.session.client_ip)
    return (
        bool(login.account)
        and login.outcome != Outcome.FAILED
        and login.protocol not in PEER_TO_PEER
        and client is not None
        and is_internal(client)
    )


@across_flows(LoginRecord, risks=(Risk.ACCOUNT_SHARED,))
class AccountShared(CrossFlowDetector):
    """One account used from several inside hosts within a day. The subject is the account; each host is a sighting."""

    name = "account-shared"

    def __init__(self) -> None:
        self._uses: AgingTable[dict[str, _Use]] = AgingTable(
            dict, limit=MAX_REMEMBERED_ACCOUNTS, lifetime=ACCOUNT_MEMORY_NS
        )

    @staticmethod
    def observe(context: Context, login: LoginRecord, _: str) -> Iterable[Observation]:
        if not _from_inside(context, login):
            return ()
        return (observation(context, AccountShared.name, login, subject=context.account(login.account)),)

    def judge(self, policy: Policy, seen: Observation) -> Iterable[Sighting]:
        context, host, now = observed(policy, seen), seen.session.client_ip, nanoseconds(seen.ts)
        uses = self._uses.touch((context.service, seen.subject), now)
        for other in [one for one, use in uses.items() if now - use.until > ACCOUNT_MEMORY_NS]:
            del uses[other]
        began = min(nanoseconds(seen.session.first_seen), now)
        known = uses.get(host)
        if known is None and len(uses) >= MAX_REMEMBERED_HOSTS:
            return
        use = known or _Use(began, now, seen, reported=False)
        uses[host] = use._replace(since=min(use.since, began), until=max(use.until, now))
        if len(uses) < 2:
            return
        for one, use in list(uses.items()):
            if not use.reported:
                uses[one] = use._replace(reported=True)
                yield from self._sighting(policy, seen.subject, one, uses)

    @staticmethod
    def _sighting(policy: Policy, account: str, host: str, uses: dict[str, _Use]) -> Iterable[Sighting]:
        use = uses[host]
        others = sorted(other for other in uses if other != host)
        overlap = [other for other in others if uses[other].since <= use.until and use.since <= uses[other].until]
        when = f", at the same time as on {', '.join(overlap)}" if overlap else ""
        return sighting(
            observed(policy, use.first),
            Risk.ACCOUNT_SHARED,
            use.first,
            subject=account,
            rule="account.hosts",
            shown=f"{account} on {host}, within a day also on {', '.join(others)}{when}",
        )


@across_flows(LoginRecord, risks=(Risk.MANY_ACCOUNTS,))
class ManyAccounts(CrossFlowDetector):
    """More accounts of one service on an inside host within a day than the policy expects of one person. The subject is
    the host; its log-ins are the sightings."""

    name = "many-accounts"

    def __init__(self) -> None:
        self._accounts: AgingTable[dict[str, int]] = AgingTable(
            dict, limit=MAX_REMEMBERED_ACCOUNTS, lifetime=ACCOUNT_MEMORY_NS
        )

    @staticmethod
    def observe(context: Context, login: LoginRecord, _: str) -> Iterable[Observation]:
        if not _from_inside(context, login):
            return ()
        account = context.account(login.account)
        return (observation(context, ManyAccounts.name, login, subject=context.session.client_ip, value=account),)

    def judge(self, policy: Policy, seen: Observation) -> Iterable[Sighting]:
        host, now, context = seen.session.client_ip, nanoseconds(seen.ts), observed(policy, seen)
        known = self._accounts.touch((context.service, host), now)
        for old in [account for account, at in known.items() if now - at > ACCOUNT_MEMORY_NS]:
            del known[old]
        new = seen.value not in known
        if new and len(known) >= MAX_REMEMBERED_HOSTS:
            return ()
        known[seen.value] = now
        if not new or len(known) <= policy.conduct.accounts_per_host or policy.shares(host):
            return ()
        return sighting(
            context,
            Risk.MANY_ACCOUNTS,
            seen,
            subject=host,
            host=host,
            rule="host.accounts",
            shown=f"{len(known)} accounts of {context.service} on {host} within a day: {', '.join(sorted(known))}",
        )

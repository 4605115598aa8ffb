"""Second factors: one-time passwords (RFC 6238), security keys (WebAuthn level 2), recovery codes."""

from __future__ import annotations

import hmac
import json
import secrets
from datetime import datetime
from typing import Any

import pyotp
import webauthn
from sqlalchemy import Row, delete, func, select
from sqlalchemy.orm import Session
from webauthn.helpers import structs
from webauthn.helpers.exceptions import WebAuthnException

from hub import clock
from hub.access import audit
from hub.access.sealing import Key, blind, new_key, open_key
from hub.models import Grant, RecoveryCode, SecondFactor, Unit, User
from hub.settings import settings
from hub.terms import Role

STEP, DRIFT = 30, 1  # seconds of a one-time password; steps a clock may be off (RFC 6238 §5.2)
CODES, ALPHABET = 10, "ABCDEFGHJKMNPQRSTVWXYZ23456789"
ISSUER = "12336 线索中心"
IDENTITY_ROLES = frozenset(
    {Role.OPERATOR, Role.MAILROOM, Role.HANDLER, Role.LEAD, Role.SUPERVISOR, Role.AUDITOR, Role.SYSADMIN, Role.SECADMIN}
)
"""Roles that may come to read identity, and those that decide who may."""


class FactorError(ValueError):
    """A second factor cannot be set up or removed like this; the message is for the person."""


def owed(session: Session, user: User) -> bool:
    """Whether this person signs in with a second factor: by the setting, or because one was set up."""
    roles = set(session.scalars(select(Grant.role).where(Grant.user_id == user.id)))
    return owes(user, roles, enrolled=bool(enrolled(session, user.id)))


def owes(user: User | Row[Any], roles: set[str], *, enrolled: bool) -> bool:
    """The same of somebody whose roles, and whether they set up a factor, are known."""
    rule = settings().second_factor
    if enrolled or user.demo or rule == "off":
        return enrolled
    return rule == "all" or not roles.isdisjoint(IDENTITY_ROLES)


def enrolled(session: Session, user_id: int) -> list[SecondFactor]:
    """The confirmed factors, the oldest first."""
    query = select(SecondFactor).where(SecondFactor.user_id == user_id, SecondFactor.confirmed)
    return list(session.scalars(query.order_by(SecondFactor.id)))


def _new_key(session: Session, user_id: int) -> Key:
    """The person's unit holds the key; moving the person to another unit needs no re-wrapping."""
    unit = session.scalar(select(Grant.unit_id).where(Grant.user_id == user_id).limit(1))
    return new_key(session, unit or session.scalars(select(Unit.id).order_by(Unit.id).limit(1)).one())


# ---- one-time passwords


def start_totp(session: Session, user: User) -> tuple[str, str]:
    """A new secret, not yet confirmed; (base32 secret, otpauth URI). Replaces one that was never confirmed."""
    session.execute(
        delete(SecondFactor).where(
            SecondFactor.user_id == user.id, SecondFactor.kind == "totp", SecondFactor.confirmed.is_(False)
        )
    )
    secret, key = pyotp.random_base32(), _new_key(session, user.id)
    sealed = key.seal(secret, "second_factor.secret")
    session.add(SecondFactor(user_id=user.id, kind="totp", name="动态口令", key_id=key.id, secret=sealed))
    return secret, pyotp.TOTP(secret, interval=STEP).provisioning_uri(name=user.login, issuer_name=ISSUER)


def pending_totp(session: Session, user: User) -> tuple[str, str] | None:
    """The secret waiting for its first right answer."""
    row = session.scalars(
        select(SecondFactor).where(
            SecondFactor.user_id == user.id, SecondFactor.kind == "totp", SecondFactor.confirmed.is_(False)
        )
    ).first()
    if row is None:
        return None
    secret = open_key(session, row.key_id).text(row.secret, "second_factor.secret")
    return secret, pyotp.TOTP(secret, interval=STEP).provisioning_uri(name=user.login, issuer_name=ISSUER)


def _step(secret: str, code: str, after: int, at: datetime) -> int | None:
    """The time step this code belongs to, later than `after`: a code is good once (RFC 6238 §5.2)."""
    known, current = pyotp.TOTP(secret, interval=STEP), int(at.timestamp()) // STEP
    for step in range(current - DRIFT, current + DRIFT + 1):
        if hmac.compare_digest(known.at(step * STEP).encode(), code.encode()) and step > after:
            return step
    return None


def check_totp(session: Session, user_id: int, code: str, *, confirm: bool = False) -> bool:
    """Whether the code is right and was not used before. With `confirm` a waiting secret becomes a factor."""
    given, now = "".join(code.split()), clock.real()
    rows = session.scalars(
        select(SecondFactor)
        .where(
            SecondFactor.user_id == user_id, SecondFactor.kind == "totp", SecondFactor.confirmed.is_(not confirm)
        )
        .with_for_update()
    )  # fmt: skip
    for row in rows:
        step = _step(open_key(session, row.key_id).text(row.secret, "second_factor.secret"), given, row.counter, now)
        if step is not None:
            row.counter, row.used_at, row.confirmed = step, now, True
            if confirm:
                audit.record(session, f"user:{user_id}", "factor_added", actor=f"user:{user_id}",
                             data={"kind": "totp"})  # fmt: skip
            return True
    return False


# ---- security keys


def _described(rows: list[SecondFactor]) -> list[structs.PublicKeyCredentialDescriptor]:
    return [structs.PublicKeyCredentialDescriptor(id=row.credential) for row in rows if row.credential is not None]


def key_options(session: Session, user: User, rp_id: str) -> tuple[dict[str, Any], bytes]:
    """What the browser needs to make a credential, and the challenge to remember."""
    challenge = secrets.token_bytes(32)
    made = webauthn.generate_registration_options(
        rp_id=rp_id, rp_name=ISSUER, user_name=user.login, user_id=blind("webauthn", str(user.id)),
        user_display_name=user.name, challenge=challenge, exclude_credentials=_described(enrolled(session, user.id)),
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            user_verification=structs.UserVerificationRequirement.PREFERRED
        ),
    )  # fmt: skip
    return json.loads(webauthn.options_to_json(made)), challenge


def add_key(
    session: Session, user: User, answer: dict[str, Any], challenge: bytes | None, *, rp_id: str, origin: str, name: str
) -> None:
    """Stores a new credential. Raises FactorError where the answer does not fit the challenge, host or signature."""
    if not challenge:
        raise FactorError("操作已过期，请重新添加")
    try:
        made = webauthn.verify_registration_response(
            credential=answer, expected_challenge=challenge, expected_rp_id=rp_id, expected_origin=origin
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        raise FactorError("安全密钥的回答无法核实，请重试") from None
    if session.scalar(select(SecondFactor.id).where(SecondFactor.credential == made.credential_id)) is not None:
        raise FactorError("这把安全密钥已经登记过")
    key = _new_key(session, user.id)
    session.add(
        SecondFactor(
            user_id=user.id, kind="webauthn", name=name[:40] or "安全密钥", key_id=key.id, confirmed=True,
            secret=key.seal(made.credential_public_key, "second_factor.secret"), credential=made.credential_id,
            counter=made.sign_count,
        )
    )  # fmt: skip
    audit.record(session, f"user:{user.id}", "factor_added", actor=f"user:{user.id}", data={"kind": "webauthn"})


def ask_key(session: Session, user_id: int, rp_id: str) -> tuple[dict[str, Any], bytes]:
    """What the browser needs to answer with a known credential, and the challenge to remember."""
    known = [row for row in enrolled(session, user_id) if row.kind == "webauthn"]
    challenge = secrets.token_bytes(32)
    made = webauthn.generate_authentication_options(
        rp_id=rp_id, challenge=challenge, allow_credentials=_described(known)
    )
    return json.loads(webauthn.options_to_json(made)), challenge


def check_key(
    session: Session, user_id: int, answer: dict[str, Any], challenge: bytes | None, *, rp_id: str, origin: str
) -> bool:
    """Whether a known credential signed the challenge for this host. A counter that fell (a copied key) is refused."""
    try:
        credential = webauthn.base64url_to_bytes(str(answer.get("rawId", "")))
    except ValueError:
        return False
    row = session.scalars(
        select(SecondFactor)
        .where(SecondFactor.user_id == user_id, SecondFactor.credential == credential, SecondFactor.confirmed)
        .with_for_update()
    ).first()
    if row is None or not challenge:
        return False
    public = open_key(session, row.key_id).open(row.secret, "second_factor.secret")
    try:
        found = webauthn.verify_authentication_response(
            credential=answer, expected_challenge=challenge, expected_rp_id=rp_id, expected_origin=origin,
            credential_public_key=public, credential_current_sign_count=row.counter,
        )  # fmt: skip
    except (WebAuthnException, ValueError, KeyError, TypeError):
        return False
    row.counter, row.used_at = found.new_sign_count, clock.real()
    return True


# ---- recovery codes


def make_codes(session: Session, user_id: int) -> list[str]:
    """Ten new codes of 49 bits each, shown once; the earlier ones end."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    codes = ["".join(secrets.choice(ALPHABET) for _ in range(10)) for _ in range(CODES)]
    session.add_all([RecoveryCode(user_id=user_id, token=blind("recovery", f"{user_id}:{code}")) for code in codes])
    audit.record(session, f"user:{user_id}", "recovery_codes_made", actor=f"user:{user_id}")
    return [f"{code[:5]}-{code[5:]}" for code in codes]


def check_code(session: Session, user_id: int, code: str) -> bool:
    """Uses up a recovery code."""
    plain = "".join(letter for letter in code.upper() if letter in ALPHABET)
    row = session.get(RecoveryCode, (user_id, blind("recovery", f"{user_id}:{plain}")), with_for_update=True)
    if row is None or row.used_at is not None:
        return False
    row.used_at = clock.real()
    audit.record(session, f"user:{user_id}", "recovery_code_used", actor=f"user:{user_id}")
    return True


def codes_left(session: Session, user_id: int) -> int:
    query = select(func.count()).where(RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None))
    return session.scalar(query) or 0


def remove(session: Session, user: User, factor_id: int) -> None:
    """Takes a factor away; never the last one of somebody who must have one."""
    rows = enrolled(session, user.id)
    row = next((row for row in rows if row.id == factor_id), None)
    if row is None:
        raise FactorError("没有这个验证方式")
    session.delete(row)
    session.flush()
    if len(rows) == 1 and owed(session, user):
        raise FactorError("您的岗位须保留至少一种二次验证，请先添加另一种")
    audit.record(session, f"user:{user.id}", "factor_removed", actor=f"user:{user.id}", data={"kind": row.kind})


def reset(session: Session, user_id: int, by: str) -> None:
    """Removes every factor and code of a person who lost them: a security administrator's act."""
    session.execute(delete(SecondFactor).where(SecondFactor.user_id == user_id))
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    audit.record(session, f"user:{user_id}", "factors_reset", actor=by)

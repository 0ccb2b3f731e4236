"""Errors, sorted by who must act. A message says what was found, where, and what to do; never a patient value."""


class CmvmonError(Exception):
    """Any error that cmvmon raises on purpose. `exit_code` is what the command line returns."""

    exit_code = 1
    code = "not_taken_in"  # what the ward page says of a file that this error kept from being judged


class DeliveryError(CmvmonError):
    """The laboratory (or whoever wrote the file) must act: the delivery is refused whole."""

    exit_code = 3

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class ProtocolError(CmvmonError):
    """The clinical lead or the data team must act: a protocol, laboratory or settings file is not usable."""

    exit_code = 4
    code = "laboratory_file"


class ProtocolUnusable(ProtocolError):
    """The clinical lead must act: the site's protocol file can't be used, and nobody can be judged.

    `places`: file, stanza and key of what is wrong, in the order of the file; nothing that was found there.
    """

    code = "protocol_unusable"

    def __init__(self, message: str, places: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.places = places


class PolicyChanged(ProtocolError):
    """The clinical lead must act: a protocol was changed, and bears the label that it had before."""

    code = "same_label"


class ContractBroken(CmvmonError):
    """We must act: a table that was about to be assessed, recorded or shown breaks its contract."""

    exit_code = 5

    def __init__(self, message: str, table: str = "") -> None:
        super().__init__(message)
        self.table = table


class ProgramError(CmvmonError):
    """We must act: a rule or a fact table is written so that it can't be judged. Names code, never a patient."""

    exit_code = 5


class AlreadyRunning(CmvmonError):
    """Nobody need act: another run holds this site."""

    exit_code = 6


class StoreError(CmvmonError):
    """The data team must act: the database can't be read or written."""

    exit_code = 7


class StoreBusy(StoreError):
    """Nobody need act: another program kept the database; trying again helps."""


class SiteError(CmvmonError):
    """Whoever called must act: the site, a file or an argument is not what the command needs."""

    exit_code = 2


class MissingExtra(SiteError):
    """Whoever keeps the installation must act: what was called needs libraries that were not installed (cmvmon.domain.extras)."""


class ClockInDoubt(SiteError):
    """The clock and the last moment recorded on this site can't both be right: somebody must say which is."""

    code = "clock_in_doubt"


class NoLaboratoryFile(SiteError):
    """Results came for a feed that has no laboratory file."""

    code = "laboratory_file"


class UnreadableFile(SiteError):
    """A file can't be read from the disk."""

    code = "unreadable_file"


class NotWritten(SiteError):
    """A file can't be written to the disk."""


class Interrupted(KeyboardInterrupt):
    """Somebody stopped the work with Ctrl-C. The text says what stands, and what was not done."""


class AuditBroken(CmvmonError):
    """Whoever keeps the site must act: the audit log lacks what its head knows, so nothing that must stand in it is done."""

    exit_code = 5


class AnswerRefused(SiteError):
    """Somebody's answer to an alert can't be recorded. `code`, and what its words need, so that a page says it in its own language."""

    def __init__(self, message: str, code: str, **facts: object) -> None:
        super().__init__(message)
        self.code = code
        self.facts = facts

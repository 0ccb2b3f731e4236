"""The file names of pages, which tell nothing of a patient."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass


@dataclass(frozen=True)
class PageNames:
    """File names that tell nothing: keyed with the site's secret, so that nobody can guess a patient's."""

    key: bytes

    def ward(self, code: str) -> str:
        return f"ward.{code}.html"

    def patient(self, patient_id: str, code: str) -> str:
        return f"{self.of_patient(patient_id)}.{code}.html"

    def of_patient(self, patient_id: str) -> str:
        """How the name of each page of a patient begins."""
        return hmac.new(self.key, patient_id.encode(), hashlib.sha256).hexdigest()[:20]

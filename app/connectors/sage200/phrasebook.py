"""Where this connector reads what people say of Sage's texts: it knows no database, so the root tells it whom to ask."""

from dataclasses import dataclass

from app.domain.refusals import PhraseRow, Phrases


async def no_phrases() -> tuple[PhraseRow, ...]:
    return ()


@dataclass(slots=True)
class Phrasebook:
    """`phrases` is asked at each refusal, so that a new row holds at once."""

    phrases: Phrases = no_phrases

    def consult(self, phrases: Phrases) -> None:
        self.phrases = phrases

"""Sales orders: found by our key, created once (sage200.md 12)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from app.connectors.sage200.client import Client, LastCheck, Row
from app.connectors.sage200.mapping import Ids, document, is_whole, order_body, viewed
from app.connectors.sage200.odata import any_of, equals
from app.connectors.sage200.payloads import OrderRow, ViewRow, read
from app.connectors.sage200.phrasebook import Phrasebook, refusal, told
from app.connectors.sage200.reference import Reference
from app.connectors.sage200.replies import Reply
from app.connectors.sage200.settings import Sage200Settings
from app.domain.erp import Document, DocumentStanding, SalesOrder
from app.domain.errors import (
    DestinationError,
    InDoubtError,
    SluiceError,
)
from app.domain.refusals import Cause

KEY = "customer_document_no"
EITHER = "(is_draft eq true or is_draft eq false)"  # naming the field is what asks for drafts


class Orders:
    def __init__(
        self, client: Client, reference: Reference, settings: Sage200Settings, book: Phrasebook
    ) -> None:
        self._client = client
        self._reference = reference
        self._settings = settings
        self._book = book

    async def probe(self, keys: Sequence[str]) -> Mapping[str, tuple[Document, ...]]:
        """Every key has an entry. What `sop_orders` does not list under a key is sought in the view of all documents."""
        found: defaultdict[str, dict[int, Document]] = defaultdict(dict)
        wanted = set(keys)
        for each in await self._listed(sorted(wanted)):
            for key in {each.key, each.trace} & wanted:
                found[key][each.id] = each
        for each in await self._beside(sorted(wanted - set(found))):
            for key in {each.key, each.trace} & wanted:
                found[key][each.id] = each
        return {key: tuple(found[key][id_] for id_ in sorted(found[key])) for key in keys}

    async def find(self, numbers: Sequence[str]) -> Mapping[str, Document]:
        """By Sage's own number, which is unique there."""
        found: dict[str, Document] = {}
        for either in any_of((equals("document_no", one) for one in numbers), self._settings.filter_terms):
            rows = await self._client.rows("sop_orders", {"filter": either, "expand": "lines"})
            found |= {
                one.number: one for one in [document(await self._whole(self._row(raw))) for raw in rows]
            }
        return found

    async def place(self, order: SalesOrder, last_check: LastCheck) -> Document:
        ids = await self._reference.ids(order)
        answer = await self._create(order, ids, last_check, allocate=self._settings.allocate)
        if isinstance(answer, Reply):
            answer = await self._again(order, ids, answer, last_check)
        if isinstance(answer, Reply):
            raise await self._refused(order, answer)
        return await self._made(answer)

    async def _again(self, order: SalesOrder, ids: Ids, refusal: Reply, last_check: LastCheck) -> Row | Reply:
        """The two refusals that we can mend: an id that Sage gave anew, and stock that is not there to allocate."""
        why = await self._book.means(refusal)
        allocate = self._settings.allocate and why is not Cause.STOCK
        better = await self._reference.ids(order, anew=True) if why is Cause.MISSING else ids
        if better == ids and allocate == self._settings.allocate:
            return refusal
        await self._nothing_made(order, refusal)
        return await self._create(order, better, last_check, allocate=allocate)

    async def _create(
        self, order: SalesOrder, ids: Ids, last_check: LastCheck, *, allocate: bool
    ) -> Row | Reply:
        body = order_body(order, ids, spare_slot=self._settings.spare_slot, allocate=allocate)
        return await self._client.create("sop_orders", body, last_check)

    async def _made(self, raw: Row) -> Document:
        """Replies may leave lines and totals out (sage200.md 20.6): then the order is read back."""
        try:
            made = document(await self._whole(self._row(raw)))
        except SluiceError as error:
            raise InDoubtError(f"Sage created an order that could not be read back: {error}") from error
        if made.standing is DocumentStanding.DRAFT:
            raise InDoubtError(f"Sage confirmed order {made.id} and left it a draft")
        return made

    async def _refused(self, order: SalesOrder, reply: Reply) -> SluiceError:
        """A text that nobody knows decides nothing: whether something was made in spite of it is looked up."""
        why = await self._book.means(reply)
        text = told(reply, order)
        if why in {Cause.UNKNOWN, Cause.PASSING}:
            await self._nothing_made(order, reply)
        return refusal(why, reply, text)

    async def _nothing_made(self, order: SalesOrder, reply: Reply) -> None:
        """Raises InDoubtError unless Sage holds nothing under the order's key: a refused create may leave a draft."""
        said = f"Sage refused with {reply.status} ({told(reply, order)})"
        try:
            found = await self.probe([order.key])
        except SluiceError as error:
            raise InDoubtError(f"{said} and could not be asked what it kept: {error}") from error
        if found[order.key]:
            raise InDoubtError(f"{said} and yet holds a document under the key {order.key}")

    async def _listed(self, keys: Sequence[str]) -> list[Document]:
        terms = [equals(KEY, key) for key in keys]
        if self._settings.spare_slot:
            terms += [equals(f"spare_text_{self._settings.spare_slot}", key) for key in keys]
        found: list[Document] = []
        for either in any_of(terms, self._settings.filter_terms):
            wanted = f"({either}) and {EITHER}" if self._settings.ask_drafts else either
            rows = await self._client.rows("sop_orders", {"filter": wanted, "expand": "lines"})
            found += [document(await self._whole(self._row(raw))) for raw in rows]
        return found

    async def _beside(self, keys: Iterable[str]) -> list[Document]:
        """Archived orders and whatever else the list hides; a row that is an order after all is read as one."""
        found: list[Document] = []
        for wanted in any_of((equals(KEY, key) for key in keys), self._settings.filter_terms):
            for row in read(ViewRow, await self._client.rows("sop_order_return_views", {"filter": wanted})):
                raw = await self._client.single(f"sop_orders/{row.id}", {"expand": "lines"})
                found.append(document(await self._whole(self._row(raw))) if raw else viewed(row))
        return found

    async def _whole(self, row: OrderRow) -> OrderRow:
        if is_whole(row):
            return row
        raw = await self._client.single(f"sop_orders/{row.id}", {"expand": "lines"})
        if raw is None or not is_whole(again := self._row(raw)):
            raise DestinationError(f"Sage does not show the lines and totals of order {row.id}")
        return again

    def _row(self, raw: Row) -> OrderRow:
        slot = self._settings.spare_slot
        return read(OrderRow, [{**raw, "trace": raw.get(f"spare_text_{slot}") if slot else ""}])[0]

"""Which lanes stand still. From the stuck messages, not from the lanes: the cost does not follow what waits behind them."""

BLOCKED = """
SELECT place.lane, place.ticket, place.id, place.state, place.rests FROM (
    SELECT held.lane, held.ticket, s.id, s.state, s.rests FROM (
        SELECT id, state, false AS rests, order_lane, order_ticket, lanes, ticket
        FROM message_state WHERE state = 'in_doubt'
        UNION ALL SELECT id, state, false, order_lane, order_ticket, lanes, ticket
        FROM message_state WHERE state = 'parked'
        UNION ALL SELECT id, state, true, order_lane, order_ticket, lanes, m.ticket
        FROM message_state AS m JOIN destination AS d ON d.name = m.destination
        WHERE state = 'ready' AND d.resume_at > now()
        UNION ALL SELECT id, state, false, order_lane, order_ticket, lanes, m.ticket
        FROM message_state AS m
        WHERE state = 'ready' AND due_at > now() AND due_at < 'infinity'
          AND NOT EXISTS (SELECT FROM destination AS d WHERE d.name = m.destination AND d.resume_at > now())
        UNION ALL SELECT id, state, coalesce(d.resume_at > now(), false), order_lane, order_ticket, lanes, m.ticket
        FROM message_state AS m LEFT JOIN destination AS d ON d.name = m.destination
        WHERE state = 'waiting' AND NOT entered AND due_at > now() AND due_at < 'infinity'
    ) AS s
    CROSS JOIN LATERAL (SELECT s.order_lane AS lane, s.order_ticket AS ticket
                        UNION ALL SELECT unnest(s.lanes), s.ticket) AS held
) AS place
WHERE place.lane IS NOT NULL AND place.ticket IS NOT NULL
  AND NOT EXISTS (SELECT FROM ticket AS t WHERE t.lane = place.lane AND t.ticket < place.ticket)
  AND EXISTS (SELECT FROM ticket AS t WHERE t.lane = place.lane AND t.ticket > place.ticket)
"""
"""A row for each lane in which others wait behind a head that is in doubt, parked, due later, or whose destination `rests`.
One part for each index of message_state: a million that wait are never read.
"""

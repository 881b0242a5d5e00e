"""The money of an order: authorised when it is accepted, captured when goods ship, the rest voided."""

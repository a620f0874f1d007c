"""Work that takes several calls and waits, as generators that both clients, operators, triggers and assets run."""

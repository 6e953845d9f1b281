"""The calls, one file per noun. Each function gives an ``Operation``; both clients send the same ones."""

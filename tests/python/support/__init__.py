"""What the tests share: a server of their own, clients, a requester that may misbehave, and expectations."""

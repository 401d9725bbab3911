"""What tests need: a recorder and a store in memory, a fake OpenAI server, the contract of stores."""

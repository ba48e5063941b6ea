"""What several processes share through Redis or Valkey. Without Redis, each works alone."""

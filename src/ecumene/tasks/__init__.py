"""Long work: durable operations, the workers that run them, exports. Between the API and the engine."""

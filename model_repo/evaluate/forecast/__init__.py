"""How good are the forecasts? `storegate evaluate forecast`: served model and well-kept libraries, same history."""

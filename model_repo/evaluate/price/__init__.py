"""How good are the prices, and the demand behind them?"""

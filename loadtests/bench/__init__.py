"""`storegate bench`: what a request costs in process, what the gateway makes of it over gRPC, and the share between."""

"""Place judged: batches against first-come and published walks, slots by the walks of months not seen."""

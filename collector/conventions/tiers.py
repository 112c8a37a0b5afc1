"""One name for each service tier, whatever providers call it. Data only.

Sources: the API references of OpenAI (`service_tier`), Anthropic (`service_tier`, `speed`), Gemini (`serviceTier`), Vertex AI
(`trafficType`), Groq and Bedrock, read November 2026. Compared in lower case.
"""

from __future__ import annotations

# Service tiers as price books name their variants; "" is no tier but a wish, or a way to say nothing. Others stay as they are.
SERVICE_TIERS: dict[str, str] = {
    "auto": "",
    "none": "",
    "null": "",
    "unspecified": "",
    "traffic_type_unspecified": "",
    "service_tier_unspecified": "",
    "not_available": "",
    "standard_only": "standard",
    "on-demand": "on_demand",
    "on_demand_priority": "priority",
    "on_demand_flex": "flex",
    "provisioned_throughput": "provisioned",
    "service_tier_standard": "standard",
    "service_tier_flex": "flex",
    "service_tier_priority": "priority",
    "batch_api": "batch",
    "batches": "batch",
}
# Tiers at the standard price.
STANDARD_TIERS = ("default", "standard", "on_demand")

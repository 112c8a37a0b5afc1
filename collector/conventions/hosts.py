"""Where a model runs, by the address that a call went to. Data only, except for reading a host out of a URL.

Sources: the endpoint references of the providers (AWS Bedrock and SageMaker endpoints, Vertex AI locations and multi-region
endpoints, Azure OpenAI and Foundry resource names, OpenAI data residency, xAI regional endpoints), read November 2026. A host
that is not here says nothing: a proxy, a gateway or a machine of one's own.
"""

from __future__ import annotations

import re

# Names under which price books know clouds; the others are providers' canonical names (names.py).
CLOUDS = ("aws", "azure", "google")
# Providers that are a place to run models by their very name.
HOST_OF_PROVIDER: dict[str, str] = {
    "aws.bedrock": "aws",
    "aws.sagemaker": "aws",
    "azure.ai.openai": "azure",
    "azure.ai.inference": "azure",
    "gcp.vertex_ai": "google",
}
# The whole host name -> who runs it.
HOSTS: dict[str, str] = {
    "api.openai.com": "openai",
    "api.anthropic.com": "anthropic",
    "generativelanguage.googleapis.com": "google",
    "api.mistral.ai": "mistral_ai",
    "codestral.mistral.ai": "mistral_ai",
    "api.groq.com": "groq",
    "api.x.ai": "x_ai",
    "api.deepseek.com": "deepseek",
    "api.perplexity.ai": "perplexity",
    "api.cohere.com": "cohere",
    "api.cohere.ai": "cohere",
    "api.together.ai": "together_ai",
    "api.together.xyz": "together_ai",
    "api.fireworks.ai": "fireworks_ai",
    "api.moonshot.ai": "moonshot_ai",
    "api.moonshot.cn": "moonshot_ai",
    "openrouter.ai": "openrouter",
    "api.cerebras.ai": "cerebras",
    "api.deepinfra.com": "deepinfra",
    "router.huggingface.co": "huggingface",
    "api.replicate.com": "replicate",
    "integrate.api.nvidia.com": "nvidia_nim",
    "api.sambanova.ai": "sambanova",
    "api.voyageai.com": "voyage",
    "api.ai21.com": "ai21",
    "api.jina.ai": "jina_ai",
    "dashscope.aliyuncs.com": "dashscope",
    "dashscope-intl.aliyuncs.com": "dashscope",
    "api.z.ai": "zhipu_ai",
    "open.bigmodel.cn": "zhipu_ai",
    "models.github.ai": "github",
}
# (pattern of the whole host name, who runs it); the group `region`, where there is one, is the region.
REGIONAL: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), host)
    for pattern, host in (
        # Also through a private endpoint: vpce-0abc.bedrock-runtime.us-east-1.vpce.amazonaws.com
        (
            r"(?:.+\.)?bedrock(?:-[a-z-]+)?\.(?P<region>[a-z0-9-]+)(?:\.vpce)?\.(?:amazonaws\.com(?:\.cn)?|api\.aws)",
            "aws",
        ),
        (r"runtime(?:-fips)?\.sagemaker(?:-fips)?\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?", "aws"),
        (r"(?P<region>[a-z0-9-]+)-aiplatform\.googleapis\.com", "google"),
        (r"aiplatform\.(?P<region>[a-z]+)\.rep\.googleapis\.com", "google"),
        (r"aiplatform\.googleapis\.com", "google"),
        (r".+\.openai\.azure\.(?:com|us|cn)", "azure"),
        (r".+\.(?:services\.ai|cognitiveservices)\.azure\.(?:com|us|cn)", "azure"),
        (r".+\.(?P<region>[a-z0-9-]+)\.(?:inference|models)\.ai\.azure\.com", "azure"),
        (r"(?P<region>[a-z0-9-]+)\.api\.cognitive\.microsoft\.com", "azure"),
        (r"(?P<region>[a-z]{2,3})\.api\.openai\.com", "openai"),
        (r"(?P<region>[a-z0-9-]+)\.api\.x\.ai", "x_ai"),
        (r"api\.(?P<region>[a-z]{2})\.mistral\.ai", "mistral_ai"),
    )
)
# An address without a location is this one.
_EVERYWHERE = {"aiplatform.googleapis.com": "global"}
_LONGEST_HOST = 253
_URL = re.compile(r"^(?:[a-z][a-z0-9+.-]*://)?(?:[^/@]*@)?(?P<host>[^/:?#]+)")


def place_of(address: str | None) -> tuple[str | None, str | None]:
    """(who runs the model, its region) by a host name or a URL, NULL where the address does not tell."""
    found = _URL.match((address or "").strip().lower()[: _LONGEST_HOST * 4])
    if found is None or len(host := found["host"].rstrip(".")) > _LONGEST_HOST:
        return None, None
    if host in HOSTS:
        return HOSTS[host], None
    for pattern, who in REGIONAL:
        if matched := pattern.fullmatch(host):
            return who, matched.groupdict().get("region") or _EVERYWHERE.get(host)
    return None, None

// Differences that we want, each with its reason. A difference that is gone must go from here too.

export const deliberate: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  execCommand: Object.fromEntries(
    ['exit_code', 'stdout', 'stderr'].map((field) => [
      `ExecResponse.${field}: they require it, we do not have it`,
      'the answer to a command in the background: the published service gives its pid alone, and its client reads nothing else',
    ]),
  ),
  uploadSessionPart: {
    'header x-nullspace-part-sha256: we refuse text': 'what is no SHA-256 cannot be checked, and is refused rather than ignored',
  },
  createApiKey: {
    'CreateApiKeyRequest.scope: we accept "user" | "operator", they send string':
      'the reference names no scopes, the published client never calls the route, and a scope we do not know would grant what nobody asked for',
  },
}

// Names that clients and daemon agree on outside of HTTP.

export const DEFAULT_BASE_URL = 'http://localhost:3000'
export const KEY_PATTERN = /^ns_live_[A-Za-z0-9]{40}$/

/** First non-empty wins; each is looked for in the environment, then in `./.env`. */
export const KEY_VARIABLES = ['NULLSPACE_API_KEY', 'NULLSPACE_TOKEN'] as const
export const URL_VARIABLES = ['NULLSPACE_API_URL', 'NULLSPACE_BASE_URL'] as const
/** Keys of the config file that may hold the URL. */
export const URL_CONFIG_KEYS = ['base_url', 'api_url'] as const

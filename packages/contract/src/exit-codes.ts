// Exit codes of the CLI, by error code: exact names first, then the shape of the name.

export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  notFound: 3,
  unauthenticated: 4,
  permission: 5,
  quota: 6,
  conflict: 7,
  runtime: 8,
} as const

const EXACT: Readonly<Record<string, number>> = {
  not_found: EXIT.notFound,
  missing_api_key: EXIT.unauthenticated,
  unauthorized: EXIT.unauthenticated,
  unauthenticated: EXIT.unauthenticated,
  forbidden: EXIT.permission,
  permission_denied: EXIT.permission,
  volume_read_only: EXIT.permission,
  capacity_exceeded: EXIT.quota,
  file_upload_limit_exceeded: EXIT.quota,
  volume_limit_exceeded: EXIT.quota,
  conflict: EXIT.conflict,
  machine_not_ready: EXIT.conflict,
  snapshot_in_use: EXIT.conflict,
  rebuild_required: EXIT.conflict,
  incompatible_snapshot: EXIT.conflict,
  volume_busy: EXIT.conflict,
  exec_failed: EXIT.runtime,
  exec_timeout: EXIT.runtime,
  machine_failed: EXIT.runtime,
  timeout: EXIT.runtime,
  invalid_request: EXIT.usage,
  invalid_fields: EXIT.usage,
  invalid_response: EXIT.usage,
}

export function exitCodeOf(code: string): number {
  const name = code.toLowerCase()
  const exact = EXACT[name]
  if (exact !== undefined) return exact
  if (name.endsWith('_not_found')) return EXIT.notFound
  if (name.endsWith('_permission_denied')) return EXIT.permission
  if (name.includes('quota') || name.includes('rate_limit')) return EXIT.quota
  if (name.endsWith('_conflict')) return EXIT.conflict
  return EXIT.failure
}

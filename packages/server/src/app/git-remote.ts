// Addresses of repositories: which ones are let through, and which credentials fit them.

import { AppError } from '@nullspace/contract/errors.ts'
import type { GitAuth } from '@nullspace/contract/git.ts'

export interface GitAddress {
  readonly transport: 'http' | 'ssh' | 'git' | 'file'
  /** Of http: scheme, host and port, for which credentials are given out and no other. */
  readonly origin: string
  /** It holds a password; with http, a user name is one already. */
  readonly secret: boolean
}

const HOST = String.raw`(?:\[[0-9A-Fa-f:.]+\]|[\p{L}\p{N}][\p{L}\p{N}._-]*)`
const USER = String.raw`[\p{L}\p{N}_.~+%][\p{L}\p{N}_.~+%-]*`
const WITH_SCHEME = /^(https?|ssh|git|file):\/\/([^/]*)(?:\/|$)/
const AUTHORITY = new RegExp(`^(?:(.*)@)?(${HOST}(?::\\d{1,5})?)$`, 'su')
/** As scp takes it; `name::address` would start a program of the guest named after it. */
const SCP = new RegExp(`^(?:${USER}@)?${HOST}:(?!:|//)[^:].*$`, 'su')
const SSH_USER = new RegExp(`^${USER}$`, 'u')

/** Null: none that we know. */
export function parseAddress(url: string): GitAddress | null {
  if (/\p{Cc}/u.test(url)) return null
  const [, scheme, authority = ''] = WITH_SCHEME.exec(url) ?? []
  if (scheme === undefined) return url.includes('://') || !SCP.test(url) ? null : { transport: 'ssh', origin: '', secret: false }
  if (scheme === 'file') return authority === '' ? { transport: 'file', origin: '', secret: false } : null
  const [, user, host] = AUTHORITY.exec(authority) ?? []
  if (host === undefined) return null
  if (scheme === 'http' || scheme === 'https') return { transport: 'http', origin: `${scheme}://${host}`, secret: user !== undefined }
  const secret = user?.includes(':') ?? false
  if (user !== undefined && !secret && (scheme === 'git' || !SSH_USER.test(user))) return null
  return { transport: scheme === 'ssh' ? 'ssh' : 'git', origin: '', secret }
}

/** An address that a caller sent. */
export function addressOf(field: string, url: string): GitAddress {
  const address = parseAddress(url)
  if (address?.secret) throw invalid(field, 'must not hold a user name or a password; give them as "auth"')
  if (address) return address
  throw invalid(field, 'must be an http://, https://, ssh://, git:// or file:// address, or host:path')
}

/** The place that the credentials are for. */
export function fit(auth: GitAuth, address: GitAddress | null): void {
  if (auth.kind === 'https' ? address?.transport === 'http' : address?.transport === 'ssh') return
  throw invalid('auth.kind', `"${auth.kind}" does not go with the address of the repository`)
}

export function invalid(field: string, message: string): AppError {
  return new AppError('invalid_request', { say: `${field}: ${message}.`, details: { field } })
}

// Puts the guest image where the daemon looks for it when nothing else is configured.
import { lstatSync, mkdirSync, readlinkSync, renameSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { readConfig } from '@nullspace/server/config.ts'

/**
 * A link, swapped in one step: a daemon that starts sees the old image or the new one. True when another was there before:
 * a daemon that runs still has that.
 */
export function linkImage(imageDir: string, env: NodeJS.ProcessEnv): boolean {
  const { imageDir: wanted, dataDir } = readConfig(env)
  // Someone who set image_dir, or put an image there by hand, meant it.
  if (wanted !== join(dataDir, 'images/base') || isOwnDirectory(wanted)) return false
  const before = linkTarget(wanted)
  if (before === imageDir) return false
  mkdirSync(dataDir, { recursive: true, mode: 0o711 })
  mkdirSync(dirname(wanted), { recursive: true })
  const fresh = `${wanted}.new-${process.pid}`
  symlinkSync(imageDir, fresh)
  renameSync(fresh, wanted)
  return before !== undefined
}

function isOwnDirectory(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}

function linkTarget(path: string): string | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ? readlinkSync(path) : undefined
}

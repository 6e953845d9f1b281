// One logger, one redaction list. Errors are printed with their whole chain of causes.

import pino from 'pino'

export type Logger = pino.Logger

const SECRET_PATHS = ['key', 'apiKey', 'authorization', 'headers.authorization', 'req.headers.authorization', 'envs', '*.envs', '*.key']

export function createLogger({ level, pretty = false }: { level: string; pretty?: boolean }): Logger {
  return pino({
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: SECRET_PATHS, censor: '[redacted]' },
    serializers: { err: pino.stdSerializers.errWithCause },
    ...(pretty ? { formatters: { level: (label) => ({ level: label }) } } : {}),
  })
}

export const silentLogger = (): Logger => pino({ level: 'silent' })

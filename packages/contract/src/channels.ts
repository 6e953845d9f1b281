// WebSocket channels: upgrades by path. What is said on them stands with the area that owns the frames.

export interface ChannelSpec {
  readonly id: string
  /** With `{name}` for parameters. */
  readonly path: string
  readonly summary: string
}

export const CHANNELS = {
  lifecycleWebsocketUpgrade: {
    id: 'lifecycleWebsocketUpgrade',
    path: '/v1/lifecycle/ws',
    summary: 'Lifecycle events of the caller’s machines as they happen, with replay.',
  },
  machineLifecycleWebsocketUpgrade: {
    id: 'machineLifecycleWebsocketUpgrade',
    path: '/v1/machines/{id}/lifecycle/ws',
    summary: 'The same of one machine.',
  },
  websocketUpgrade: {
    id: 'websocketUpgrade',
    path: '/v1/machines/{id}/ws',
    summary: 'Work in a machine, live: one command with channel=exec, one terminal with channel=pty, changes of files without either.',
  },
  monitorWebsocketUpgrade: {
    id: 'monitorWebsocketUpgrade',
    path: '/v1/monitor/ws',
    summary: 'State and use of all machines of the caller, live.',
  },
} as const satisfies Record<string, ChannelSpec>

export type ChannelId = keyof typeof CHANNELS

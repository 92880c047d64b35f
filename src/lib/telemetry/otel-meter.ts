import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import type { Resource } from '@opentelemetry/resources';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { DURATIONS, LATENCIES, type Meter } from '../metrics/meter.ts';
import type { QueueGauge, QueueLook } from '../metrics/queue-look.ts';
import { reporting } from './reporting.ts';
import type { TelemetryOptions } from './telemetry.ts';

interface MeterOptions extends Omit<TelemetryOptions, 'mode'> {
  resource: Resource;
  queue: QueueLook;
}

/** The default of the specification: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ */
const INTERVAL_MS = 60_000;
const LONGEST_EXPORT_MS = 10_000;

/** The gauges of the queue by name, with their units. */
const GAUGES: Record<QueueGauge['name'], { name: string; unit: string }> = {
  jobs: { name: 'donations.jobs', unit: '{job}' },
  oldest_ready_seconds: { name: 'donations.oldest_ready', unit: 's' },
  task_paused: { name: 'donations.task_paused', unit: '1' },
  workers_alive: { name: 'donations.workers_alive', unit: '{worker}' },
  incidents_open: { name: 'donations.incidents_open', unit: '{incident}' },
};

/** Sends the same metrics as `/metrics` has, under OpenTelemetry's naming. */
export function startMeter({ env, resource, version, queue, onTrouble }: MeterOptions): {
  meter: Meter;
  close: () => Promise<void>;
} {
  const exportIntervalMillis = Number(env.OTEL_METRIC_EXPORT_INTERVAL) || INTERVAL_MS;
  const provider = new MeterProvider({
    resource,
    readers: [
      new PeriodicExportingMetricReader({
        exporter: reporting(new OTLPMetricExporter(), 'metrics', onTrouble),
        exportIntervalMillis,
        exportTimeoutMillis: Math.min(LONGEST_EXPORT_MS, exportIntervalMillis),
      }),
    ],
  });
  const meter = provider.getMeter('donations', version);
  const histogram = (name: string, explicitBucketBoundaries: number[]) =>
    meter.createHistogram(name, { unit: 's', advice: { explicitBucketBoundaries } });
  const duration = histogram('donations.attempt.duration', DURATIONS);
  const latency = histogram('donations.attempt.latency', LATENCIES);
  const calls = histogram('donations.provider.call.duration', DURATIONS);
  const gauges = new Map(
    Object.entries(GAUGES).map(([key, { name, unit }]) => [
      key,
      meter.createObservableGauge(name, { unit }),
    ]),
  );
  meter.addBatchObservableCallback(
    async (result) => {
      for (const { name, labels, value } of (await queue()) ?? []) {
        const gauge = gauges.get(name);
        if (gauge) result.observe(gauge, value, labels);
      }
    },
    [...gauges.values()],
  );
  return {
    meter: {
      attempt({ task, outcome, duration_ms, latency_ms }) {
        duration.record(duration_ms / 1000, { task, outcome });
        latency.record(Math.max(0, latency_ms) / 1000, { task });
      },
      providerCall({ provider, operation, outcome, durationMs }) {
        calls.record(durationMs / 1000, { provider, operation, outcome });
      },
    },
    close: () => provider.shutdown(),
  };
}

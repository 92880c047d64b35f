/** What every JSON of a delivery has. */
export const deliveryFields = (delivery: {
  id: string;
  kind: string;
  status: string;
  recipient: string;
  messageId?: string | undefined;
  reason?: string | undefined;
  evidence?: string | undefined;
}) => ({
  delivery: delivery.id,
  kind: delivery.kind,
  status: delivery.status,
  recipient: delivery.recipient,
  message_id: delivery.messageId ?? null,
  reason: delivery.reason ?? null,
  evidence: delivery.evidence ?? null,
});

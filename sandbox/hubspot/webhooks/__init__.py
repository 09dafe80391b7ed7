"""What HubSpot sends by itself: subscriptions, events, signatures, deliveries."""

"""leadrelay as several processes on PostgreSQL and RabbitMQ, with the real servers."""

"""Power purchase agreements whose volumes come in files of the operator or trader instead of over MQTT."""

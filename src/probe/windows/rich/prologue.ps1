$ProgressPreference='SilentlyContinue'
$WarningPreference='SilentlyContinue'
$ErrorActionPreference='Continue'
try{[Console]::OutputEncoding=[Text.Encoding]::UTF8}catch{}
$n=$Error.Count

$x=@()
if($Error.Count -gt $n){$x=@($Error|Select-Object -First ($Error.Count-$n)|ForEach-Object{[string]$_})}
$h['v']=1
$h['errors']=$x
ConvertTo-Json -Compress -Depth 4 -InputObject $h

$x=@()
if($Error.Count -gt $n){$x=@($Error|Select-Object -First ($Error.Count-$n)|ForEach-Object{[string]$_.CategoryInfo.Category+' '+$_.FullyQualifiedErrorId+': '+[string]$_})}
$h['v']=1
$h['errors']=$x
$j=ConvertTo-Json -Compress -Depth 4 -InputObject $h
try{$j=[regex]::Replace($j,'[^\x20-\x7e]',{param($m)'\u{0:x4}' -f [int]$m.Value[0]})}catch{}
$j

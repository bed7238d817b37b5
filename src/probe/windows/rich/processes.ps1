$i=@()
try{$i=@(Get-Process -IncludeUserName|Select-Object Id,UserName)}catch{}
$n=$Error.Count
$h=@{}
$h['users']=$i
$h['processes']=@(Get-CimInstance -ClassName Win32_Process -Property ProcessId,ParentProcessId,Name,ExecutablePath,CommandLine,CreationDate|Select-Object ProcessId,ParentProcessId,Name,ExecutablePath,CommandLine,@{n='Created';e={if($_.CreationDate){$_.CreationDate.ToUniversalTime().ToString('o')}}})
$h['services']=@(Get-CimInstance -ClassName Win32_Service -Filter 'ProcessId<>0' -Property ProcessId,Name,StartName|Select-Object ProcessId,Name,@{n='Account';e={if($i.Count -eq 0){$_.StartName}}})
